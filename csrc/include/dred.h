/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dred.h - Deep REDundancy for Opus: the public interface of the C core.
 *
 * The core turns samples and bytes into samples and bytes. It knows no files, no clock, no Opus
 * encoder or decoder. Conventions, unless a comment says otherwise:
 *
 *   - audio is 16 kHz mono float in +-1; a "step" is 160 samples (10 ms), a "chunk" 40 ms;
 *   - positions inside packets are in units of 2.5 ms (40 samples), as on the wire;
 *   - functions return >= 0 for success, or a negative dred_error;
 *   - a dred_models is immutable once created: share one among any number of handles and threads;
 *   - dred_..._size tells the bytes of a handle, the models it refers to apart;
 *   - every other handle belongs to one thread at a time, keeps a reference to nothing but its
 *     models (which must outlive it), and allocates only in its _create function;
 *   - bytes that come from the network are never trusted: any input gives a defined result;
 *   - 64 kB of stack are enough for every function but dred_concealer_step_many, which takes 144.
 */
#ifndef DRED_H
#define DRED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(DRED_BUILDING) && defined(_WIN32)
#define DRED_API __declspec(dllexport)
#elif defined(DRED_BUILDING) && defined(__GNUC__)
#define DRED_API __attribute__((visibility("default")))
#else
#define DRED_API
#endif

/* cdef-begin: everything from here to cdef-end is read by the cffi builder as well */

enum {
    DRED_SAMPLE_RATE = 16000,  /* Hz, of all audio in this interface                        */
    DRED_STEP = 160,           /* samples in a feature step (10 ms)                         */
    DRED_FEATURES = 20,        /* 18 cepstrum, pitch, voicing                               */
    DRED_ANALYSIS_SIZE = 36,   /* features followed by 16 LPC coefficients a_1..a_16        */
    DRED_BURG_SIZE = 36,       /* Burg cepstra: 18 means, 18 differences of two half steps  */
    DRED_LATENT_DIM = 25,      /* latent vector, one per 20 ms, covering 40 ms              */
    DRED_STATE_DIM = 50,       /* initial state of the backward decoder                     */
    DRED_LEVELS = 16,          /* quantiser levels, 0 finest                                */
    DRED_MAX_CHUNKS = 26,      /* chunks in a payload: 1.04 s                               */
    DRED_CHUNK_STEPS = 4,      /* feature steps in a chunk                                  */
    DRED_PLC_INPUT = 57,       /* Burg cepstra, features, flag                              */
    DRED_VOCODER_PAST = 320,   /* samples needed to continue a waveform                     */
    DRED_VOCODER_QUEUE = 5,    /* feature vectors needed to continue a waveform             */
    DRED_CORRECTED_BEHIND = 3, /* steps by which corrected audio comes after the vocoder's  */
    DRED_MAX_REWIND = 960,     /* samples of a concealer that can be taken back             */
    DRED_EXTENSION_ID = 126,   /* padding extension number (experimental range)             */
    DRED_EXTENSION_PREFIX = 2, /* bytes 'D' and version before the payload                  */
    DRED_EXTENSION_VERSION = 12, /* of the profile of libopus 1.6.1                         */
    DRED_OWN_VERSIONS = 128,   /* up to 255: of profiles of one's own                       */
    DRED_MAX_FRAMES = 48,      /* frames in an Opus packet                                  */
    DRED_MAX_FRAME_BYTES = 1275
};

typedef enum dred_error {
    DRED_OK = 0,
    DRED_ERR_ARGUMENT = -1, /* a null pointer or a value out of range                       */
    DRED_ERR_MEMORY = -2,   /* allocation failed (only in _create functions)                */
    DRED_ERR_MODEL = -3,    /* malformed or inconsistent model file                         */
    DRED_ERR_MISSING = -4,  /* the models lack the network this call needs                  */
    DRED_ERR_PACKET = -5,   /* malformed Opus packet, or more extensions than can be kept   */
    DRED_ERR_SPACE = -7,    /* the output does not fit the given capacity                   */
    DRED_ERR_NODATA = -8    /* nothing to encode, or nothing found                          */
} dred_error;

/* One line for a dred_error (or any int: unknown codes have a text too). Static storage. */
DRED_API const char *dred_strerror(int error);
/* Version of the library, "major.minor.patch". Static storage. */
DRED_API const char *dred_version(void);
/* Name of the best kernel set of this processor: "portable", on x86 also "sse41", "avx2" and
 * "avx512vnni" or "avxvnni", on 64-bit ARM "neon" or "dotprod". Static storage. */
DRED_API const char *dred_cpu(void);
/* Names of all kernel sets of this processor, slowest first: 0 is "portable"; NULL beyond the best. */
DRED_API const char *dred_cpu_name(int index);

/* ---- models ------------------------------------------------------------------------------ */

typedef struct dred_models dred_models;

enum { /* bits of dred_models_networks */
    DRED_NET_PITCH = 1,
    DRED_NET_ENCODER = 2,
    DRED_NET_DECODER = 4,
    DRED_NET_PLC = 8,
    DRED_NET_FARGAN = 16,
    DRED_NET_ALL = 31
};

/* Load the networks found in a weight file image (spec: records of "DNNw"). The image is copied
 * and may be freed at once. A network of which no array is present is simply absent; one of which
 * some arrays are missing or wrong makes the load fail.
 * @param cpu    NULL for the best kernels of this processor, or a name as dred_cpu returns it
 * @param error  receives a dred_error, may be NULL
 * @param message  receives one line naming the offending array (may be NULL)
 * @param capacity size of message in bytes                                                     */
DRED_API dred_models *dred_models_create(const void *image, size_t size, const char *cpu,
                                         int *error, char *message, size_t capacity);
DRED_API void dred_models_destroy(dred_models *models);
/* Bit set of the networks present. */
DRED_API int dred_models_networks(const dred_models *models);
/* Name of the kernels in use. */
DRED_API const char *dred_models_cpu(const dred_models *models);
/* Bytes held by the models. */
DRED_API size_t dred_models_size(const dred_models *models);

/* What the symbols of a payload mean: quantiser, entropy coder, and the version that says so on the
 * wire. A coder trained from scratch has its own, in the arrays `profile_version` (int32 [1], 128
 * to 255), `profile_latent` (bytes [4][16][25], by DRED_TABLE_..., level and dimension) and
 * `profile_state` (bytes [4][16][50]) of its weight file. Models without these arrays have that of
 * libopus 1.6.1; so has, wherever a profile is asked for, NULL.                                  */
typedef struct dred_profile dred_profile;
/* The profile of models, as long as they live; of NULL that of libopus, for ever. */
DRED_API const dred_profile *dred_models_profile(const dred_models *models);
/* Version on the wire: 12, or 128 to 255. */
DRED_API int dred_profile_version(const dred_profile *profile);

/* ---- stages: analysis ---------------------------------------------------------------------- */

typedef struct dred_analysis dred_analysis;
DRED_API dred_analysis *dred_analysis_create(const dred_models *models, int *error);
DRED_API void dred_analysis_reset(dred_analysis *analysis);
DRED_API void dred_analysis_destroy(dred_analysis *analysis);
DRED_API size_t dred_analysis_size(void);
/* Analyse steps. The spectral window of each is centred on its first sample.
 * @param pcm [steps * 160]
 * @param out [steps * 36] features (20) and LPC (16)                                            */
DRED_API int dred_analysis_process(dred_analysis *analysis, const float *pcm, int steps,
                                   float *out);
/* Burg cepstra, [steps * 160] -> [steps * 36]; no memory between steps. */
DRED_API int dred_burg_features(const float *pcm, int steps, float *out);

/* ---- stages: RDO-VAE and payload ------------------------------------------------------------ */

typedef struct dred_rdovae_encoder dred_rdovae_encoder;
DRED_API dred_rdovae_encoder *dred_rdovae_encoder_create(const dred_models *models, int *error);
DRED_API void dred_rdovae_encoder_reset(dred_rdovae_encoder *encoder);
DRED_API void dred_rdovae_encoder_destroy(dred_rdovae_encoder *encoder);
DRED_API size_t dred_rdovae_encoder_size(void);
/* Double steps of 20 ms.
 * @param features [count * 40] two feature vectors each, older first
 * @param latents [count * 25], @param states [count * 50], both unquantised                     */
DRED_API int dred_rdovae_encoder_process(dred_rdovae_encoder *encoder, const float *features,
                                         int count, float *latents, float *states);

typedef struct dred_payload_header {
    int q0;     /* 0..15, level of the newest chunk and of the initial state                  */
    int dq;     /* 0..7, slope index                                                          */
    int qmax;   /* q0+1..15 (or q0 where dq = 0)                                              */
    int offset; /* end of the newest step relative to the packet's first decoded sample,
                   in 2.5 ms units, at most 16; negative: before the packet                   */
} dred_payload_header;

typedef struct dred_payload {
    dred_payload_header header;
    int chunks;                /* rows used below                                             */
    int level[26];             /* quantiser level of each chunk                               */
    float state[50];           /* dequantised                                                 */
    float latents[26 * 26];    /* chunk by chunk, newest first: 25 latents and level/8 - 1    */
    int32_t symbols[50 + 26 * 25]; /* as coded: state, then chunk by chunk                    */
    int bits[1 + 1 + 26];      /* bits of header, state and each chunk                        */
} dred_payload;

/* Quantise and code.
 * @param profile  of the encoder that made the vectors, or NULL
 * @param latents  [chunks * 25] newest first, 40 ms apart (every second latent of the encoder)
 * @param state    [50] of the newest chunk
 * @param capacity size of out in bytes, without the two prefix bytes (at most 4096 are used)
 * @param bits     NULL, or [2 + chunks]: bits of header, state, each chunk; -1 for those left out
 * @return bytes written; a prefix of the chunks where not all fit. DRED_ERR_NODATA where not even
 *         one chunk fits.                                                                       */
DRED_API int dred_payload_encode(const dred_profile *profile, const dred_payload_header *header,
                                 const float *latents, const float *state, int chunks,
                                 unsigned char *out, int capacity, int *bits);
/* Parse (no network runs). Never fails on content: a cut payload gives what libopus gives.
 * @param profile of the sender, or NULL
 * @param max_chunks 0..26 chunks wanted
 * @return chunks found, or a dred_error for bad arguments                                        */
DRED_API int dred_payload_decode(const dred_profile *profile, const unsigned char *data, int size,
                                 int max_chunks, dred_payload *out);
/* Level of chunk i (0 = newest). */
DRED_API int dred_quantizer_level(const dred_payload_header *header, int chunk);
/* Parameters of the coder for a level: scale, dead zone, decay, P(0), all /256. */
enum { DRED_TABLE_SCALE = 0, DRED_TABLE_DEAD_ZONE = 1, DRED_TABLE_DECAY = 2, DRED_TABLE_P0 = 3 };
/* @param state 0: latents (25 values), 1: initial state (50 values)
 * @return a row that lives as long as the profile, or NULL for bad arguments */
DRED_API const uint8_t *dred_statistics(const dred_profile *profile, int table, int state,
                                        int level);

/* Decode features backward in time.
 * @param state [50], @param latents [chunks * 26]
 * @param features [chunks * 4 * 20], newest step first                                           */
DRED_API int dred_rdovae_decode(const dred_models *models, const float *state,
                                const float *latents, int chunks, float *features);

/* ---- stages: synthesis ---------------------------------------------------------------------- */

typedef struct dred_vocoder dred_vocoder;
DRED_API dred_vocoder *dred_vocoder_create(const dred_models *models, int *error);
DRED_API void dred_vocoder_reset(dred_vocoder *vocoder);
DRED_API void dred_vocoder_destroy(dred_vocoder *vocoder);
DRED_API size_t dred_vocoder_size(void);
/* Continue real audio.
 * @param pcm [320] the last samples
 * @param features [5 * 20] oldest first; the last two lie beyond the end of pcm                  */
DRED_API int dred_vocoder_resume(dred_vocoder *vocoder, const float *pcm, const float *features);
/* [steps * 20] -> [steps * 160]: each vector is two steps ahead of the audio it completes. */
DRED_API int dred_vocoder_process(dred_vocoder *vocoder, const float *features, int steps,
                                  float *pcm);

typedef struct dred_predictor dred_predictor;
DRED_API dred_predictor *dred_predictor_create(const dred_models *models, int *error);
DRED_API void dred_predictor_reset(dred_predictor *predictor);
/* Both on the same models. */
DRED_API int dred_predictor_copy(dred_predictor *to, const dred_predictor *from);
DRED_API void dred_predictor_destroy(dred_predictor *predictor);
DRED_API size_t dred_predictor_size(void);
/* One step: [57] Burg cepstra, features, flag (1 received, 0 lost, -1 features only) -> [20]. */
DRED_API int dred_predictor_step(dred_predictor *predictor, const float *input, float *features);

/* ---- Opus packets and padding extensions ------------------------------------------------------ */

typedef struct dred_packet_info {
    int toc;            /* first byte                                                          */
    int frame_count;    /* 1..48                                                               */
    int frame_units;    /* duration of a frame in 2.5 ms                                       */
    int frame_offset[48]; /* of each frame in the packet, bytes                                */
    int frame_size[48]; /* bytes; 0: not transmitted                                           */
    int padding_offset; /* of the extension area, bytes                                        */
    int padding_size;
} dred_packet_info;

typedef struct dred_extension {
    int id;     /* 3..127 */
    int frame;  /* 0..frame_count-1 */
    int offset; /* of the data, in bytes from the start of the packet (parse) or unused (build) */
    int size;   /* of the data */
    const unsigned char *data;
} dred_extension;

/* Parse an Opus packet (RFC 6716 section 3). @return DRED_OK or DRED_ERR_PACKET */
DRED_API int dred_packet_parse(const unsigned char *packet, int size, dred_packet_info *info);
/* Duration of all frames of a packet in units of 2.5 ms, or DRED_ERR_PACKET. */
DRED_API int dred_packet_units(const unsigned char *packet, int size);
/* Extensions of a packet in bitstream order (draft-ietf-mlcodec-opus-extension).
 * @param valid NULL, or receives 0 where the area is malformed or has more than 4096 extensions and
 *        repetitions (what was found before stays valid)
 * @return number found (may exceed capacity: only capacity are stored), or a dred_error            */
DRED_API int dred_packet_extensions(const unsigned char *packet, int size, dred_extension *out,
                                    int capacity, int *valid);
/* Write a packet again with these extensions instead of its own, as code 3 where it has any.
 * @param count number of extensions; 0 removes the padding
 * @param pad_to 0, or the exact size wanted (padding in front of the extensions)
 * @param out [capacity] apart from the packet
 * @return bytes written or a dred_error                                                          */
DRED_API int dred_packet_build(const unsigned char *packet, int size,
                               const dred_extension *extensions, int count, unsigned char *out,
                               int capacity, int pad_to);
/* Bytes that a DRED payload of this version adds to a packet, instead of any that it has.
 * @param extension_bytes size of the payload and its prefix                                       */
DRED_API int dred_packet_cost(const unsigned char *packet, int size, int version,
                              int extension_bytes);
/* Attach a DRED payload (without prefix) to frame 0, instead of any of this version. The other
 * extensions stay, also payloads of other versions, which are for other receivers.
 * @param version 0..255: that of the profile which the payload was coded with
 * @param payload_size 1..4096
 * @param out [capacity] apart from the packet
 * @return bytes written, or a dred_error: DRED_ERR_PACKET where it has 256 others already           */
DRED_API int dred_packet_attach(const unsigned char *packet, int size, int version,
                                const unsigned char *payload, int payload_size,
                                unsigned char *out, int capacity);
/* Find the DRED payload: the first extension 126 with the prefix of this version.
 * @param payload_offset, payload_size where it lies, prefix excluded
 * @param frame_offset position of its frame, in 2.5 ms
 * @return DRED_OK, DRED_ERR_NODATA or DRED_ERR_PACKET                                            */
DRED_API int dred_packet_find(const unsigned char *packet, int size, int version,
                              int *payload_offset, int *payload_size, int *frame_offset);
/* 1 if the packet carries LBRR (in-band FEC of the packet before), 0 if not, or a dred_error. */
DRED_API int dred_packet_has_lbrr(const unsigned char *packet, int size);

/* ---- resampling --------------------------------------------------------------------------------- */

typedef struct dred_resampler dred_resampler;
/* Linear-phase polyphase resampler between 16000 Hz and 8000, 12000, 16000, 24000 or 48000 Hz (one
 * of the two rates is 16000).                                                                     */
DRED_API dred_resampler *dred_resampler_create(int from_rate, int to_rate, int *error);
DRED_API void dred_resampler_reset(dred_resampler *resampler);
DRED_API void dred_resampler_destroy(dred_resampler *resampler);
/* Half length of the filter in input samples: the output for time t needs input up to t + half. */
DRED_API int dred_resampler_half(const dred_resampler *resampler);
/* Feed n samples, get all output whose filter support has been fed: output sample j sits at time
 * j/to_rate, input sample i at time i/from_rate, zeros before time 0.
 * @return samples written or DRED_ERR_SPACE                                                       */
DRED_API int dred_resampler_process(dred_resampler *resampler, const float *in, int n, float *out,
                                    int capacity);

/* ---- sender: samples in, payloads out -------------------------------------------------------------- */

typedef struct dred_encoder dred_encoder;
DRED_API dred_encoder *dred_encoder_create(const dred_models *models, int *error);
DRED_API void dred_encoder_reset(dred_encoder *encoder);
DRED_API void dred_encoder_destroy(dred_encoder *encoder);
DRED_API size_t dred_encoder_size(void);
/* Append 16 kHz samples; every 320 make one latent. Latent n (from 0) ends 320 (n + 1) - 24 samples
 * after the first one ever pushed: 24 zeros lead, which makes offsets exact for the 6.5 ms delay of
 * an Opus encoder and packets of a multiple of 20 ms.
 * @return latents completed by this call                                                           */
DRED_API int dred_encoder_push(dred_encoder *encoder, const float *pcm, int samples);

typedef struct dred_encode_request {
    dred_payload_header header; /* offset is computed, the rest is used as given               */
    int max_chunks;             /* 1..26                                                       */
    int capacity;               /* bytes of payload allowed, without prefix                    */
    int trim;                   /* 1: leave out silence at both ends, 0: code it               */
    int64_t packet_start;       /* sample (from the first one pushed; may be negative) that becomes
                                   the first decoded one of the packet; within 2^62            */
} dred_encode_request;

enum { /* why there is a payload or none */
    DRED_CODED = 0,
    DRED_NO_HISTORY = 1, /* fewer than two latents so far, or all newer than the packet needs, or
                            20 s older than it                                                 */
    DRED_SILENCE = 2,    /* no speech in the time covered                                      */
    DRED_NO_ROOM = 3     /* the capacity does not hold one chunk                               */
};

typedef struct dred_encode_result {
    int reason;       /* DRED_CODED ...                                                        */
    int chunks;       /* chunks coded                                                          */
    int offset;       /* D as coded                                                            */
    int skipped;      /* newest latents left out because silent                                */
    int bits[2 + 26]; /* header, state, chunks                                                 */
} dred_encode_result;

/* Code the most recent past. Its cost does not depend on how much was sent before.
 * @return bytes written to out, or DRED_ERR_NODATA where there is nothing to send: result->reason   */
DRED_API int dred_encoder_payload(dred_encoder *encoder, const dred_encode_request *request,
                                  unsigned char *out, dred_encode_result *result);
/* Chunks that a payload for this packet would have with room enough: 0..max_chunks. Takes silence
 * into account where request->trim is set.                                                         */
DRED_API int dred_encoder_available(const dred_encoder *encoder,
                                    const dred_encode_request *request);
/* ---- receiver: payloads in, features out --------------------------------------------------------------- */

typedef struct dred_decoder dred_decoder;
DRED_API dred_decoder *dred_decoder_create(const dred_models *models, int *error);
DRED_API void dred_decoder_destroy(dred_decoder *decoder);
DRED_API size_t dred_decoder_size(void);
/* Take a payload (without prefix). Entropy decoding only; networks run when features are asked for.
 * @param frame_offset position in the packet of the frame that carried it, 0..47 in 2.5 ms
 * @return chunks found                                                                              */
DRED_API int dred_decoder_parse(dred_decoder *decoder, const unsigned char *payload, int size,
                                int frame_offset, int max_chunks);
/* Offset D (frame position included) of what was parsed. */
DRED_API int dred_decoder_offset(const dred_decoder *decoder);
/* Quantiser level of the chunk that holds feature step k. @return DRED_ERR_NODATA beyond the data */
DRED_API int dred_decoder_level(const dred_decoder *decoder, int k);
/* Feature vector k (0 newest): its analysis window is centred 40 D - 160 (k + 1) samples after the
 * packet's first decoded one. Decodes as many chunks as needed, each once.
 * @return DRED_OK or DRED_ERR_NODATA for k beyond the data                                           */
DRED_API int dred_decoder_features(dred_decoder *decoder, int k, float *features);
enum { DRED_FEATURES_FROM = 4 }; /* payloads, at the most, that dred_features_at chooses from */
/* The best feature vector for a time, out of all packets that are here: of the first four that
 * describe it, the two whose quantisers are finest there are averaged, the finer one with more weight;
 * its spectral detail is a little sharper than what dred_decoder_features gives, which is too smooth.
 * @param decoders [count] parsed payloads, in the order of their packets
 * @param starts   [count] time of each packet's first decoded sample, on any one clock; nothing is known of
 *        times beyond +-2^61
 * @param centre   time on which the vector's analysis window is to be centred, within half a step:
 *        240 samples behind the beginning of a step, for a vocoder to make that step
 * @param features [20], or NULL: nothing is decoded
 * @return how many of the payloads describe the time: 0 to 4                                         */
DRED_API int dred_features_at(dred_decoder *const *decoders, const int64_t *starts, int count,
                              int64_t centre, float *features);

/* ---- receiver: concealment -------------------------------------------------------------------------------- */

typedef struct dred_concealer dred_concealer;
DRED_API dred_concealer *dred_concealer_create(const dred_models *models, int *error);
DRED_API void dred_concealer_reset(dred_concealer *concealer);
DRED_API void dred_concealer_destroy(dred_concealer *concealer);
DRED_API size_t dred_concealer_size(void);
/* Tell what was played: good samples, any number. Cheap: analysis is deferred to the next loss.     */
DRED_API int dred_concealer_good(dred_concealer *concealer, const float *pcm, int samples);
/* Take back the last samples that dred_concealer_step made, because they were not played. At most
 * DRED_MAX_REWIND of them in all, and only samples concealed since the last good ones. What comes next
 * is dred_concealer_good: the vocoder itself is not taken back (dred_concealer_copy does that).     */
DRED_API int dred_concealer_rewind(dred_concealer *concealer, int samples);
/* Make one the twin of another, which stays as it is: from here on the same input gives the same
 * output, of the same models. So steps that turn out not to be played can be made anew.           */
DRED_API int dred_concealer_copy(dred_concealer *concealer, const dred_concealer *from);
/* Conceal one step of 160 samples.
 * @param features NULL, or vectors known for the coming steps, [count * 20]: the first after good audio
 *        takes three vectors (for steps t, t+1, t+2), every further one a single vector (step t + 2)
 * @param known one flag per vector: 0 = unknown, predict it instead
 * @param pcm [160]; its energy is limited to 14 dB above what is usual for the loudest band of the
 *        vectors it was made of, which no step of speech needs
 * @return vectors consumed (3 or 1)                                                                  */
DRED_API int dred_concealer_step(dred_concealer *concealer, const float *features,
                                 const unsigned char *known, float *pcm);
/* One step of many streams, as a server has them: what dred_concealer_step does for each of them, in
 * one call. Neighbours on the same models go through the vocoder eight at a time, which saves a
 * fifth of the time and takes 100 kB of stack; no stream may occur twice.
 * @param concealers [count]
 * @param features [count] for each stream as above, or NULL; or all NULL
 * @param known    [count] for each stream as above; NULL where features is
 * @param pcm      [count] for each stream 160 samples
 * @param used     NULL, or [count]: vectors consumed
 * @return DRED_OK, or DRED_ERR_ARGUMENT, and then no stream has moved                              */
DRED_API int dred_concealer_step_many(dred_concealer *const *concealers, int count,
                                      const float *const *features,
                                      const unsigned char *const *known, float *const *pcm,
                                      int *used);
/* Vectors that the next dred_concealer_step will take: 3 after good audio, else 1. */
DRED_API int dred_concealer_wants(const dred_concealer *concealer);
/* Audio a little better than the vocoder's: noise between the harmonics lowered by a post-filter that
 * compares each pitch period with the ones on its two sides, and the spectral envelope, in every band
 * some dB off, brought nearer to the vectors that it was made of. To be called after every
 * dred_concealer_step: gives the step that lies DRED_CORRECTED_BEHIND steps before the latest, as it
 * needs those behind it. What comes next is made as if it was not called.
 * @param pcm [160]
 * @return samples written: 160, or 0 behind the first DRED_CORRECTED_BEHIND steps of a gap            */
DRED_API int dred_concealer_corrected(dred_concealer *concealer, float *pcm);
/* What dred_concealer_corrected does to noise, for speech from elsewhere, as a coarsely coded copy: each
 * sample of a block is drawn towards those a pitch period before and behind it. At any sample rate.
 * @param pcm     [samples], and `reach` samples more on both sides
 * @param reach   samples: the longest pitch period, 16 ms; at most 768
 * @param period  samples: the pitch period, 1 to `reach`; one like it that fits better is taken
 * @param voicing 0 (nothing is done) to 1: correlation of neighbouring periods, feature 19 plus 0.5
 * @param out     [samples], apart from pcm                                                            */
DRED_API int dred_postfilter(const float *pcm, int samples, int reach, int period, float voicing,
                             float *out);
/* Feature vector used in the last step (after attenuation), [20]. */
DRED_API int dred_concealer_features(const dred_concealer *concealer, float *features);

/* ---- measurement -------------------------------------------------------------------------------------------- */

/* For benchmarks: what the networks spend their time with, on its own. Makes an int8 layer of random
 * weights and multiplies it `repeat` times. Allocates and frees what it needs.
 * @param cpu     as for dred_models_create
 * @param inputs, outputs multiples of 4 and of 8, at most 4096
 * @param density 1..100: percent of the blocks of 8 x 4 weights that are kept; below 100 the layer is
 *        stored as a sparse one
 * @return multiplications of one product, or a dred_error                                            */
DRED_API int64_t dred_exercise(const char *cpu, int inputs, int outputs, int density, int repeat);

/* cdef-end */

#ifdef __cplusplus
}
#endif

#endif
