/*===- tables.h - The blob that the text front end reads ------------ C -*-===*\
|*
|* compiler/Text writes it, the C code beside this header reads it in place:
what
|* greedy decoding needs to know, a classifier's labels and, for a model with a
|* tokenizer, everything that turns text into token ids and back. It holds no
|* pointers: a section is an offset in bytes from the blob's beginning and a
count
|* of elements. Little-endian; the blob and every section are aligned to 8
bytes.
|* Change anything here: raise ASHLAR_TEXT_VERSION.
|*
|* Tables over code points have two levels: pages[c >> 8] is the number of a
page,
|* and entry (page << 8 | c & 255) of the second table is the value for c.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_TABLES_H
#define ASHLAR_RUNTIME_TEXT_TABLES_H

#include <stdint.h>

#define ASHLAR_TEXT_MAGIC "ASHLTEXT" /* 8 bytes, no NUL */
#define ASHLAR_TEXT_VERSION 1
#define ASHLAR_TEXT_ALIGNMENT 8
#define ASHLAR_TEXT_NONE (-1)
#define ASHLAR_TEXT_CODE_POINTS 0x110000
#define ASHLAR_TEXT_PAGES (ASHLAR_TEXT_CODE_POINTS >> 8)
#define ASHLAR_TEXT_MAX_SPLITS 16
/* Bytes that one byte of text may become in the normalizer, at most. */
#define ASHLAR_TEXT_MAX_GROWTH 16

typedef struct ashlar_text_section {
  uint32_t offset;
  uint32_t count;
} ashlar_text_section;

/* UTF-8 without a terminator. */
typedef struct ashlar_text_string {
  uint32_t offset;
  uint32_t bytes;
} ashlar_text_string;

enum ashlar_text_token_flag {
  ASHLAR_TOKEN_PRESENT = 1,   /* an id without this flag has no token */
  ASHLAR_TOKEN_SPECIAL = 2,   /* left out of decoded text */
  ASHLAR_TOKEN_VOCABULARY = 4 /* the model's own: whole pieces become it */
};

typedef struct ashlar_text_token {
  ashlar_text_string text;
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

/* Tries of added tokens, over bytes: edges [first_edge, first_edge + edges) in
   ascending order of byte lead to nodes of higher numbers. */
typedef struct ashlar_text_node {
  uint32_t first_edge;
  uint32_t edges;
  int32_t added; /* index in the added tokens; ASHLAR_TEXT_NONE */
} ashlar_text_node;

typedef struct ashlar_text_edge {
  uint32_t byte;
  uint32_t node;
} ashlar_text_edge;

/* An entry of the template around the text: a token, or the text itself. */
typedef struct ashlar_text_item {
  int32_t id; /* ASHLAR_TEXT_NONE = the text */
  int32_t type;
} ashlar_text_item;

enum ashlar_text_behavior {
  ASHLAR_SPLIT_REMOVED = 0, /* matches vanish, what lies between is kept */
  ASHLAR_SPLIT_ISOLATED = 1 /* matches are pieces of their own */
};

/* Cuts pieces at the matches of a pattern, or (invert) at what lies between the
   matches. The pattern is a DFA over classes of code points; the longest way to
   an accepting state is the match that a backtracking engine finds first. State
   0 has no way out. */
typedef struct ashlar_text_split {
  uint32_t behavior;
  uint32_t invert;
  uint32_t classes;
  uint32_t states;
  uint32_t start;
  uint32_t reserved;
  ashlar_text_section pages;       /* uint16[ASHLAR_TEXT_PAGES] */
  ashlar_text_section entries;     /* uint16: class of the code point */
  ashlar_text_section transitions; /* uint16[states][classes] */
  ashlar_text_section accepting;   /* uint8[states] */
} ashlar_text_split;

/* Entries of the normalizer's table: what is added to the code point, or this
   bit and the index of the string that replaces it. */
#define ASHLAR_TEXT_REPLACED 0x40000000

enum ashlar_text_class { ASHLAR_CLASS_SPACE = 1, ASHLAR_CLASS_WORD = 2 };

enum ashlar_text_decoder_kind {
  ASHLAR_DECODER_SPACES = 0, /* tokens joined by a space */
  ASHLAR_DECODER_FUSE = 1    /* tokens one after the other */
};

typedef struct ashlar_text_header {
  char magic[8];
  uint32_t version;
  uint32_t bytes; /* of the whole blob */

  /* Generation; ASHLAR_TEXT_NONE = not known. */
  ashlar_text_section end_tokens; /* int32 */
  int32_t decoder_start;
  int32_t forced_first;
  int32_t forced_last;
  int32_t max_length;
  int32_t max_new_tokens;
  uint32_t reserved;
  ashlar_text_section labels; /* ashlar_text_string, by class */

  /* The tokenizer; all zero without one. */
  uint32_t has_tokenizer;
  uint32_t decoder;   /* ashlar_text_decoder_kind */
  int32_t unknown;    /* ASHLAR_TEXT_NONE: an unknown piece is an error */
  uint32_t max_probe; /* entries of `hash` that a look-up reads, at most */
  ashlar_text_section tokens;        /* ashlar_text_token, by id */
  ashlar_text_section hash;          /* uint32: id + 1, or 0; a power of two */
  ashlar_text_section items;         /* ashlar_text_item */
  ashlar_text_section added;         /* ashlar_text_added */
  ashlar_text_section nodes;         /* ashlar_text_node */
  ashlar_text_section edges;         /* ashlar_text_edge */
  int32_t raw_root;                  /* node; matched before normalization */
  int32_t normalized_root;           /* node; matched after it */
  ashlar_text_section class_pages;   /* uint16[ASHLAR_TEXT_PAGES] or none */
  ashlar_text_section class_entries; /* uint8: ashlar_text_class */
  ashlar_text_section map_pages;     /* uint16[ASHLAR_TEXT_PAGES] or none */
  ashlar_text_section map_entries;   /* int32 */
  ashlar_text_section map_strings;   /* ashlar_text_string */
  uint32_t map_growth;
  uint32_t reserved2;
  ashlar_text_section splits; /* ashlar_text_split, applied in order */
} ashlar_text_header;

/* The hash of a token's bytes (FNV-1a, folded): both sides use this one. */
static inline uint32_t ashlar_text_hash(const void *bytes, uint32_t count) {
  const unsigned char *byte = (const unsigned char *)bytes;
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint32_t i = 0; i < count; ++i)
    hash = (hash ^ byte[i]) * 0x100000001b3u;
  return (uint32_t)(hash ^ hash >> 32);
}

#endif /* ASHLAR_RUNTIME_TEXT_TABLES_H */
