/*===- front_help.c - What an executable tells about itself --------- C -*-===*/

#include "runtime/text/front_internal.h"

#include <stdio.h>

static const char *const generation_help =
    "  --chat                each prompt is a user's message in the model's "
    "chat\n"
    "                        template, one turn that asks for an answer\n"
    "  --converse            prompts are the user's messages of one chat: the "
    "next\n"
    "                        follows the answer to the one before\n"
    "  --system=TEXT         what a chat begins with, as its system\n"
    "  --messages=FILE       chats, each a JSON list of {\"role\": ..., "
    "\"content\": ...};\n"
    "                        - is standard input\n"
    "  --ids-only            print token ids instead of text\n"
    "  --stream              print text as it is made, also into a pipe\n"
    "  --language=CODE       of the output, as the model's tokenizer calls it\n"
    "  --decoder-ids=1,2     what the output of an encoder-decoder begins "
    "with\n"
    "  --max-new-tokens=N    tokens to generate at most\n"
    "  --ignore-eos          do not stop at the model's end tokens\n"
    "  --stop-ids=1,2        further end tokens\n"
    "  --temperature=T       sampling: logits are divided by T\n"
    "  --top-k=K             sampling: among the K most likely tokens\n"
    "  --top-p=P             sampling: among the most likely tokens of "
    "probability P\n"
    "  --seed=N              sampling: another text for each seed (default: "
    "0)\n"
    "  --repetition-penalty=R  logits of tokens seen are divided by R, if "
    "positive,\n"
    "                        else multiplied\n"
    "  --beams=N             beam search (the artifact needs "
    "--max-sequences=N)\n"
    "  --length-penalty=F    beams: scores are divided by length^F\n"
    "  --early-stopping=WHEN  beams: over when N texts have ended (true), none "
    "could\n"
    "                        beat them at its length (false) or at any "
    "(never)\n"
    "  --n-best=N            beams: a line for each of the N best\n"
    "                        (defaults of these three: the model's)\n";

static const char *const embedding_help =
    "  --out sentence_embedding=FILE.npy  embeddings of the prompts\n"
    "  --pooling=KIND        mean, cls, last or max (default: the model's)\n"
    "  --normalize, --no-normalize  embeddings of length 1, or as they come\n"
    "                        (default: the model's)\n";

static void print_names(const char *what, const char *const *names,
                        size_t count) {
  printf("\n%s:", what);
  for (size_t i = 0; i < count; ++i)
    printf(" %s", names[i]);
}

void ashlar_front_help(const ashlar_plan *plan, const char *program) {
  int generates = ashlar_can_generate(plan);
  int from_arrays = generates && ashlar_reads_vectors(plan);
  const char *gives = generates                  ? "the text that follows"
                      : ashlar_class_count(plan) ? "its class and score"
                                                 : "nothing: use --in, --out";
  if (from_arrays)
    printf("usage: %s --in %s=FILE.npy [options]\n"
           "\n"
           "Runs the model \"%s\". Each sequence of the array gives one line: "
           "%s.\n"
           "\n",
           program, plan->stacks[plan->encoder].input, plan->name, gives);
  else
    printf("usage: %s [options] [PROMPT...]\n"
           "\n"
           "Runs the model \"%s\". Prompts are the arguments, or else the "
           "lines of standard\ninput; each gives one line: %s.\n"
           "\n"
           "  --prompt-file=FILE    a prompt in each line; - is standard "
           "input\n"
           "  --ids=1,2,3           a prompt of token ids\n"
           "  --special             special tokens in prompts are themselves, "
           "not text\n",
           program, plan->name, gives);
  printf("%s"
         "%s"
         "  --in NAME=FILE.npy    an input%s\n"
         "  --out NAME=FILE.npy   an output to write\n"
         "  --threads=N           default: the cores this process may use\n"
         "  --weights=FILE        weights that the executable does not carry\n"
         "  --help, --version\n",
         generates ? generation_help : "",
         ashlar_can_embed(plan) ? embedding_help : "",
         from_arrays ? "" : "; with --out");
  const char *names[ASHLAR_MAX_NAMES];
  print_names("inputs", names, ashlar_input_names(plan, names));
  print_names("outputs", names, ashlar_output_names(plan, names));
  printf("\n");
}
