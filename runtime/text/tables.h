/*===- tables.h - The blob that the text front end reads ------------ C -*-===*\
|*
|* compiler/Text writes it, the C code beside this header reads it in place:
|* what decoding needs to know, a classifier's labels and, for a model
|* with a tokenizer, everything that turns text into token ids and back. It
|* holds no pointers: a section is an offset in bytes from the blob's beginning
|* and a count of elements. Little-endian; the blob and every section are
|* aligned to 8 bytes. Change anything here: raise ASHLAR_TEXT_VERSION.
|*
|* Text goes through: added tokens (trie 0), the normalizer's steps, added
|* tokens (trie 1), the pre-tokenizer's steps, the model, the template.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_TABLES_H
#define ASHLAR_RUNTIME_TEXT_TABLES_H

#include <stdint.h>

#define ASHLAR_TEXT_MAGIC "ASHLTEXT" /* 8 bytes, no NUL */
#define ASHLAR_TEXT_VERSION 7
#define ASHLAR_TEXT_ALIGNMENT 8
#define ASHLAR_TEXT_NONE (-1)
#define ASHLAR_TEXT_CODE_POINTS 0x110000
#define ASHLAR_TEXT_PAGES (ASHLAR_TEXT_CODE_POINTS >> 8)
#define ASHLAR_TEXT_MAX_STEPS 32
/* What a step may make of a text, at most: 16 times its bytes and 1 MiB. */
#define ASHLAR_TEXT_MAX_GROWTH 16
#define ASHLAR_TEXT_FREE_GROWTH (1u << 20)
#define ASHLAR_TEXT_MAX_AFFIX 64 /* bytes of a prefix or suffix of pieces */
#define ASHLAR_MAX_LENGTH_PENALTY 20.0 /* its absolute value */

typedef struct ashlar_text_section {
  uint32_t offset;
  uint32_t count;
} ashlar_text_section;

/* UTF-8 without a terminator. */
typedef struct ashlar_text_string {
  uint32_t offset;
  uint32_t bytes;
} ashlar_text_string;

/* A value for every code point: pages[c >> 8] is the number of a page, and
   entry (page << 8 | c & 255) is the value for c. */
typedef struct ashlar_text_table {
  ashlar_text_section pages; /* uint16[ASHLAR_TEXT_PAGES], or none at all */
  ashlar_text_section entries;
} ashlar_text_table;

/* Byte strings as paths from a root. The children of node n are the nodes
   [first[n], first[n + 1]) in ascending order of label. */
typedef struct ashlar_text_trie {
  ashlar_text_section first;  /* uint32[nodes + 1] */
  ashlar_text_section labels; /* uint8[nodes] */
  ashlar_text_section values; /* int32[nodes]; ASHLAR_TEXT_NONE */
} ashlar_text_trie;

/*===-- Tokens -----------------------------------------------------------===*/

enum ashlar_text_token_flag {
  ASHLAR_TOKEN_PRESENT = 1,    /* an id without this flag has no token */
  ASHLAR_TOKEN_SPECIAL = 2,    /* left out of decoded text */
  ASHLAR_TOKEN_VOCABULARY = 4, /* the model's own: found by its text */
  ASHLAR_TOKEN_BYTE = 8        /* decoded, it is one byte of a character */
};

typedef struct ashlar_text_token {
  ashlar_text_string text; /* as the model meets it: bytes, not their names */
  uint32_t flags;
} ashlar_text_token;

enum ashlar_text_added_flag {
  ASHLAR_ADDED_SPECIAL = 1,
  ASHLAR_ADDED_LSTRIP = 2,     /* takes the white space before it along */
  ASHLAR_ADDED_RSTRIP = 4,     /* and the white space after it */
  ASHLAR_ADDED_SINGLE_WORD = 8 /* not beside a letter or digit */
};

/* A token that is found in the text before the model sees it. */
typedef struct ashlar_text_added {
  int32_t id;
  uint32_t flags;
} ashlar_text_added;

/* An entry of the template around the text: a token, or the text itself. */
typedef struct ashlar_text_item {
  int32_t id; /* ASHLAR_TEXT_NONE = the text */
  int32_t type;
} ashlar_text_item;

/*===-- Normalizer and pre-tokenizer -------------------------------------===*/

/* A DFA over classes of code points; the last class is the end of the text. A
   transition with the bit below says that a match has ended before the
   character that is read: the last one on the way to state 0, which has no way
   out, is the match that a backtracking engine finds first.

   A pattern that is not regular has a notation in place of states: what opens
   the tables may bring a matcher for it (text.h). That one reads a letter for
   each character, its class in the upper bits and the code point below; of a
   byte, ASHLAR_TEXT_CODE_POINTS more than the byte. */
#define ASHLAR_TEXT_MATCH 0x8000
#define ASHLAR_TEXT_CLASS_SHIFT 21
#define ASHLAR_TEXT_MAX_LETTER_CLASSES 1023 /* a letter is below 2^31 */

enum ashlar_text_pattern_flag {
  ASHLAR_PATTERN_LAST_LINE = 1 /* the newline that ends a text is of the last
                                  class but one */
};

typedef struct ashlar_text_pattern {
  uint32_t classes;
  uint32_t states;
  uint32_t start;                  /* where nothing has been read before */
  uint32_t flags;                  /* ashlar_text_pattern_flag */
  ashlar_text_table table;         /* uint16: class of the code point */
  ashlar_text_section transitions; /* uint16[states][classes] */
  ashlar_text_section starts;      /* uint16[classes]: by what is before the
                                      match, the last class for nothing; none =
                                      always `start` */
  ashlar_text_string notation;     /* PCRE2's; none = the DFA */
} ashlar_text_pattern;

enum ashlar_text_step_kind {
  ASHLAR_STEP_SPLIT = 0,   /* cuts a piece; the pre-tokenizer's alone */
  ASHLAR_STEP_MAP = 1,     /* every character becomes what the table says */
  ASHLAR_STEP_FORM = 2,    /* a normalization form of Unicode */
  ASHLAR_STEP_STRIP = 3,   /* takes white space away */
  ASHLAR_STEP_PREPEND = 4, /* `string` before a text that is not empty */
  ASHLAR_STEP_REPLACE = 5, /* `string` for every match */
  ASHLAR_STEP_CHARSMAP = 6 /* the rules of a SentencePiece model */
};

/* Flags of a split: at most one of the first four. Without any, matches and
   what lies between them are pieces of their own. */
enum ashlar_text_split_flag {
  ASHLAR_SPLIT_REMOVED = 1,    /* matches vanish */
  ASHLAR_SPLIT_PREVIOUS = 2,   /* a match belongs to what is before it */
  ASHLAR_SPLIT_NEXT = 4,       /* a match belongs to what follows */
  ASHLAR_SPLIT_CONTIGUOUS = 8, /* matches in a row are one piece */
  ASHLAR_SPLIT_INVERT = 16,    /* what lies between matches is the match */
  ASHLAR_SPLIT_BYTES = 32      /* the pattern reads bytes, not characters: the
                                  table holds the classes of bytes */
};

enum ashlar_text_step_flag {
  ASHLAR_STRIP_LEFT = 1,
  ASHLAR_STRIP_RIGHT = 2,
  ASHLAR_PREPEND_UNLESS = 1, /* not where the text begins with it already */
  ASHLAR_PREPEND_FIRST = 2   /* only where the whole text begins */
};

/* Entries of a map: what is added to the code point, or this bit and the index
   of the string that replaces it. */
#define ASHLAR_TEXT_REPLACED 0x40000000

/* Two code points that a form puts together; in ascending order. */
typedef struct ashlar_text_pair {
  uint32_t first;
  uint32_t second;
  uint32_t composed;
} ashlar_text_pair;

typedef struct ashlar_text_step {
  uint32_t kind;
  uint32_t flags;
  ashlar_text_pattern pattern; /* split, replace; charsmap: a grapheme */
  ashlar_text_string string;   /* prepend, replace; charsmap: texts with NUL */
  ashlar_text_table map;       /* map; form: decompositions; int32 */
  ashlar_text_section strings; /* of the map; ashlar_text_string */
  ashlar_text_table orders;    /* form: combining classes; strip: 1 = space */
  ashlar_text_section pairs;   /* form: ashlar_text_pair; none = decomposed */
  ashlar_text_section units;   /* charsmap: uint32, a double array */
} ashlar_text_step;

enum ashlar_text_class { ASHLAR_CLASS_SPACE = 1, ASHLAR_CLASS_WORD = 2 };

/*===-- Models -----------------------------------------------------------===*/

enum ashlar_text_model {
  ASHLAR_MODEL_WORDS = 0,     /* whole pieces are looked up */
  ASHLAR_MODEL_MERGES = 1,    /* byte pair encoding */
  ASHLAR_MODEL_WORDPIECE = 2, /* the longest token first */
  ASHLAR_MODEL_UNIGRAM = 3    /* the likeliest sequence of tokens */
};

enum ashlar_text_model_flag {
  ASHLAR_MODEL_BYTES = 1,        /* merges begin with bytes, not characters */
  ASHLAR_MODEL_FALLBACK = 2,     /* what is unknown becomes `byte_tokens` */
  ASHLAR_MODEL_FUSE_UNKNOWN = 4, /* one unknown token for several in a row */
  ASHLAR_MODEL_WHOLE_FIRST = 8   /* a piece that is a token is not merged */
};

/* The number of a merge is its rank. */
typedef struct ashlar_text_merge {
  int32_t left;
  int32_t right;
  int32_t merged;
} ashlar_text_merge;

enum ashlar_text_decoder_flag {
  ASHLAR_DECODER_BYTES = 1,    /* decoded texts are parts of UTF-8 */
  ASHLAR_DECODER_FALLBACK = 2, /* runs of byte tokens are UTF-8, or not */
  ASHLAR_DECODER_LAST = 4      /* the last token adds what `lasts` says */
};

/* How a sequence's rows become a sentence embedding. */
enum ashlar_text_pooling {
  ASHLAR_POOLING_NONE = 0, /* the model's files do not say */
  ASHLAR_POOLING_MEAN = 1,
  ASHLAR_POOLING_CLS = 2, /* the first row */
  ASHLAR_POOLING_LAST = 3,
  ASHLAR_POOLING_MAX = 4,
  ASHLAR_POOLING_OTHER = 5 /* in a way that the front end does not know */
};

/* What becomes of a classifier's logits. */
enum ashlar_text_scores {
  ASHLAR_SCORES_USUAL = 0,   /* of one class sigmoid, else softmax */
  ASHLAR_SCORES_SOFTMAX = 1, /* probabilities of which one is true */
  ASHLAR_SCORES_SIGMOID = 2, /* each class is true or not */
  ASHLAR_SCORES_LOGITS = 3   /* they are the result */
};

/* A chat, as the model's template writes it: `chat` holds what stands before
   the user's text and behind it, where the answer is asked for; `system_chat`
   what stands before the system's text, between the two, and behind the user's.
   Where a chat goes on, `turn` (`system_turn`) stands between a user's text and
   the answer, and between the answer and the user's next. With
   ASHLAR_CHAT_SYSTEM_LAST a longer chat begins as one without a system, whose
   text follows the last answer: system_turn[1] is what stands between. */
enum ashlar_text_chat_flag {
  ASHLAR_CHAT = 1,                   /* the model has a template */
  ASHLAR_CHAT_SYSTEM = 2,            /* which takes a system's text, too */
  ASHLAR_CHAT_TURNS = 4,             /* the template takes several turns */
  ASHLAR_CHAT_SYSTEM_TURNS = 8,      /* and a system's text with them */
  ASHLAR_CHAT_SYSTEM_LAST = 16,      /* which is beside the last message */
  ASHLAR_CHAT_DROP_THOUGHT = 32,     /* an answer begins behind "</think>" */
  ASHLAR_CHAT_DROP_LINES = 64,       /* and the line ends that follow */
  ASHLAR_CHAT_NO_EMPTY_SYSTEM = 128, /* an empty system's text is none */
  ASHLAR_CHAT_ODD_SYSTEM = 256,      /* a system's text in no supported way */
  ASHLAR_CHAT_ALL_LINES = 512, /* line ends go without a "</think>", too */
  ASHLAR_CHAT_FLAGS = 1023
};

/* Texts of a chat that a template may treat each in its own way. */
enum ashlar_text_chat_role {
  ASHLAR_SAID_BY_USER = 0,
  ASHLAR_SAID_BY_SYSTEM = 1,
  ASHLAR_SAID_BY_ASSISTANT = 2,
  ASHLAR_SAID_BEHIND_SYSTEM = 3 /* the user's text that follows the system's */
};

/* Bits of `chat_texts`, for each role: shifted left by eight times its number.
 */
#define ASHLAR_CHAT_TEXT_BITS 8
enum ashlar_text_chat_text {
  ASHLAR_CHAT_TRIM_LEFT = 1,     /* the text loses blanks before it */
  ASHLAR_CHAT_TRIM_RIGHT = 2,    /* and behind it */
  ASHLAR_CHAT_REFUSE_EMPTY = 4,  /* an empty one is written in another way */
  ASHLAR_CHAT_REFUSE_LINES = 8,  /* so are blank lines, carriage returns */
  ASHLAR_CHAT_DROP_RETURNS = 16, /* each "\r\n" becomes "\n", and then */
  ASHLAR_CHAT_JOIN_LINES = 32,   /* each "\n\n", from the left, becomes "\n" */
  ASHLAR_CHAT_TEXTS = 0x3F3F3F3F
};

/* What a model writes, as its tokenizer calls it: "fr_XX", "fra_Latn", "fr". */
typedef struct ashlar_text_language {
  ashlar_text_string code;
  int32_t id; /* its token */
} ashlar_text_language;

/* When beam search is over, as transformers calls it. */
enum ashlar_text_early_stopping {
  ASHLAR_EARLY_STOPPING_FALSE = 0, /* none could beat what has ended */
  ASHLAR_EARLY_STOPPING_TRUE = 1,  /* as many have ended as there are beams */
  ASHLAR_EARLY_STOPPING_NEVER = 2  /* none could, at any length */
};

/* Tokens that an output may begin with. */
#define ASHLAR_TEXT_MAX_LANGUAGE_START 16

typedef struct ashlar_text_header {
  char magic[8];
  uint32_t version;
  uint32_t bytes; /* of the whole blob */

  /* Generation; ASHLAR_TEXT_NONE = not known. */
  ashlar_text_section end_tokens;          /* int32 */
  ashlar_text_section decoder_start;       /* int32 */
  ashlar_text_section suppressed;          /* int32: never chosen */
  ashlar_text_section suppressed_at_begin; /* int32: not as first one */
  int32_t forced_first;
  int32_t forced_last;
  int32_t max_length;
  int32_t max_new_tokens;
  double length_penalty;         /* of beam search, as the next two are */
  uint32_t early_stopping;       /* ashlar_text_early_stopping */
  uint32_t num_return_sequences; /* at least 1 */
  uint32_t normalize;            /* sentence embeddings have length 1 */
  uint32_t pooling;              /* ashlar_text_pooling */
  ashlar_text_section labels;    /* ashlar_text_string, by class */
  uint32_t label_scores;         /* ashlar_text_scores */

  /* Texts of sentence embeddings. */
  uint32_t most_tokens;      /* of a text, the template's included; 0 = any */
  ashlar_text_string prompt; /* in front of each */
  uint32_t padded_tokens;    /* where a head reads the last row: each text is
                                filled up to so many; 0 = to none */
  int32_t padding;           /* with this token */

  /* The tokenizer; all zero without one. */
  uint32_t has_tokenizer;
  uint32_t max_probe;           /* entries of `hash` that a look-up reads */
  ashlar_text_section tokens;   /* ashlar_text_token, by id */
  ashlar_text_section hash;     /* uint32: id + 1, or 0; a power of two */
  ashlar_text_section items;    /* ashlar_text_item */
  ashlar_text_section added;    /* ashlar_text_added */
  ashlar_text_trie added_tries; /* roots 0 and 1: before and behind the
                                   normalizer; values index `added` */
  ashlar_text_table classes;    /* uint8: ashlar_text_class; may be none */
  ashlar_text_section steps;    /* ashlar_text_step, in order */
  uint32_t normalizer_steps;    /* so many of them, then the pre-tokenizer's */

  uint32_t model; /* ashlar_text_model */
  uint32_t model_flags;
  int32_t unknown; /* ASHLAR_TEXT_NONE: an unknown piece is an error */
  ashlar_text_section byte_tokens; /* int32[256] or none */
  ashlar_text_string prefix;       /* merges: of symbols behind the first */
  ashlar_text_string suffix;       /* merges: of the last symbol */
  ashlar_text_section merges;      /* ashlar_text_merge */
  ashlar_text_section merge_hash;  /* uint32: merge + 1, or 0 */
  uint32_t max_merge_probe;
  uint32_t max_word;           /* WordPiece: characters of a word */
  ashlar_text_trie vocabulary; /* WordPiece: root 0 begins a word, root 1
                                  goes on; Unigram: root 0 */
  ashlar_text_section scores;  /* Unigram: double, by id */
  double unknown_score;

  uint32_t decoder_flags;
  uint32_t strip_count; /* leading characters left out of the text */
  uint32_t strip_character;
  uint32_t reserved2;
  ashlar_text_section decoded; /* ashlar_text_string, by id */
  ashlar_text_section firsts;  /* the same for the text's first token */
  ashlar_text_section lasts;   /* and for its last one; may be none */

  uint32_t chat_flags; /* ashlar_text_chat_flag */
  uint32_t chat_texts; /* ashlar_text_chat_text */
  ashlar_text_string chat[2];
  ashlar_text_string system_chat[3];
  ashlar_text_string turn[2];
  ashlar_text_string system_turn[2];

  ashlar_text_section languages;      /* ashlar_text_language, by code */
  ashlar_text_section language_start; /* int32: what an output in one of them
                                         begins with; ASHLAR_TEXT_NONE: its
                                         token */
} ashlar_text_header;

/* The hash of a pair of tokens: both sides use this one. */
static inline uint32_t ashlar_text_pair_hash(int32_t left, int32_t right) {
  uint64_t hash = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
  hash *= 0x9E3779B97F4A7C15u;
  return (uint32_t)(hash ^ hash >> 32);
}

/* The hash of a token's bytes (FNV-1a, folded): both sides use this one. */
static inline uint32_t ashlar_text_hash(const void *bytes, uint32_t count) {
  const unsigned char *byte = (const unsigned char *)bytes;
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint32_t i = 0; i < count; ++i)
    hash = (hash ^ byte[i]) * 0x100000001b3u;
  return (uint32_t)(hash ^ hash >> 32);
}

#endif /* ASHLAR_RUNTIME_TEXT_TABLES_H */
