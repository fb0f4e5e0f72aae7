/* The loops of the rules that look at every character of every text, in C. Optional: each has its twin in Python, which
 * decides what is right (text, phones, links, words, placeholders) and runs where this was not compiled or where
 * SMSGW_PURE is set. Owns no table of characters: callers hand in those that their Python uses.
 *
 * Every loop is bounded by the lengths of its arguments. Memory: buffers for a call are on the stack up to STACK_CHARS
 * characters and else from PyMem; strings are read in place while the caller holds them, under the GIL throughout.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STACK_CHARS 1024
#define BMP 0x10000

typedef struct {
    int kind;
    const void *data;
    Py_ssize_t length;
} Text;

static inline Py_UCS4 at(const Text *text, Py_ssize_t place) { return PyUnicode_READ(text->kind, text->data, place); }

static int read_text(PyObject *object, Text *text)
{
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "a str is needed, not %.80s", Py_TYPE(object)->tp_name);
        return -1;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(object) < 0) return -1;
#endif
    text->kind = PyUnicode_KIND(object);
    text->data = PyUnicode_DATA(object);
    text->length = PyUnicode_GET_LENGTH(object);
    return 0;
}

/* A table has an entry of `octets` for each character of the BMP. */
static const void *read_table(PyObject *object, Py_ssize_t octets)
{
    if (!PyBytes_Check(object) || PyBytes_GET_SIZE(object) != BMP * octets) {
        PyErr_Format(PyExc_ValueError, "a table is bytes, %zd for each of %d characters", octets, BMP);
        return NULL;
    }
    return PyBytes_AS_STRING(object);
}

static int read_arguments(PyObject *const *arguments, Py_ssize_t count, Py_ssize_t octets, Text *text, const void **table)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "a text and a table are needed");
        return -1;
    }
    if (read_text(arguments[0], text) < 0) return -1;
    *table = read_table(arguments[1], octets);
    return *table == NULL ? -1 : 0;
}

static inline int is_digit(Py_UCS4 c) { return c >= '0' && c <= '9'; }
static inline int is_lower(Py_UCS4 c) { return c >= 'a' && c <= 'z'; }
static inline int is_letter(Py_UCS4 c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

/* Takes the item, which may be NULL where making it failed, into a list that is made with its first item. -1: the list
 * is gone, an exception is set. */
static int append(PyObject **list, PyObject *item)
{
    int status = -1;
    if (*list == NULL) *list = PyList_New(0);
    if (*list != NULL && item != NULL) status = PyList_Append(*list, item);
    Py_XDECREF(item);
    if (status < 0) Py_CLEAR(*list);
    return status;
}

/* -- text ----------------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(fold_doc, "fold(text, table) -> str | None\n\n"
    "Each character as the table (16 bits each) reads it; None where it has 0 for one, or the text goes beyond the BMP.");

static PyObject *fold(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Text text;
    const void *read;
    if (read_arguments(arguments, count, sizeof(uint16_t), &text, &read) < 0) return NULL;
    const uint16_t *table = read;
    if (text.kind == PyUnicode_4BYTE_KIND) Py_RETURN_NONE;

    uint16_t near[STACK_CHARS], *folded = near;
    if (text.length > STACK_CHARS) {
        folded = PyMem_New(uint16_t, text.length);
        if (folded == NULL) return PyErr_NoMemory();
    }
    PyObject *result = NULL;
    int is_changed = 0;
    Py_ssize_t place;
    for (place = 0; place < text.length; place++) {
        Py_UCS4 c = at(&text, place);
        uint16_t here = table[c];
        if (here == 0) break;
        is_changed |= here != c;
        folded[place] = here;
    }
    if (place < text.length) result = Py_NewRef(Py_None);
    else if (!is_changed) result = Py_NewRef(arguments[0]);
    else result = PyUnicode_FromKindAndData(PyUnicode_2BYTE_KIND, folded, text.length);
    if (folded != near) PyMem_Free(folded);
    return result;
}

PyDoc_STRVAR(count_doc, "count(text, table) -> int\n\nHow many characters have a bit in the table (8 bits each).");

static PyObject *count_flagged(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Text text;
    const void *read;
    if (read_arguments(arguments, count, 1, &text, &read) < 0) return NULL;
    const uint8_t *table = read;
    Py_ssize_t found = 0;
    for (Py_ssize_t place = 0; place < text.length; place++) {
        Py_UCS4 c = at(&text, place);
        found += c < BMP && table[c] != 0;
    }
    return PyLong_FromSsize_t(found);
}

/* -- phones and links ----------------------------------------------------------------------------------------------- */

#define LEAST_DIGITS 5
#define LONG_DIGITS 10
#define AROUND 12

static inline int is_separator(Py_UCS4 c) { return c == ' ' || c == '(' || c == ')' || c == '-'; }

static Py_ssize_t behind_digits(const Text *text, Py_ssize_t place)
{
    while (place < text->length && is_digit(at(text, place))) place++;
    return place;
}

/* Where the digits begin that follow one or two separators; -1 where none do. */
static Py_ssize_t next_digits(const Text *text, Py_ssize_t place)
{
    Py_ssize_t first = place;
    while (place < text->length && place - first < 3 && is_separator(at(text, place))) place++;
    if (place == first || place - first > 2 || place == text->length || !is_digit(at(text, place))) return -1;
    return place;
}

static inline int has_flag(const Text *text, Py_ssize_t place, const uint8_t *table)
{
    Py_UCS4 c = place < text->length ? at(text, place) : BMP;
    return c < BMP && table[c] != 0;
}

/* Whether five to nine digits by themselves may be a short number: most codes and amounts can't, by how they begin, nor
 * by what stands around them: not even a character that a word for it begins with. */
static int may_be_short(const Text *text, Py_ssize_t start, Py_ssize_t end, const uint8_t *word_begins)
{
    Py_UCS4 first = at(text, start), second = at(text, start + 1);
    if (end - start >= 7 ? end - start > 8 || first < '2' || first > '8'
                         : first == '9' ? second != '5' && second != '6' : first != '1' || second > '2')
        return 0;
    if (has_flag(text, end, word_begins)) return 1;
    if (end < text->length && is_separator(at(text, end)) && has_flag(text, end + 1, word_begins)) return 1;
    for (Py_ssize_t place = start > AROUND ? start - AROUND : 0; place < start; place++)
        if (has_flag(text, place, word_begins)) return 1;
    return 0;
}

PyDoc_STRVAR(phone_runs_doc, "phone_runs(plain, word_begins) -> Sequence[tuple[int, int]]\n\n"
    "Where digits are that may be a phone number, with the separators between them. word_begins: the characters (8 bits\n"
    "each) with which words for a phone begin, without one of which a few digits are none.");

static PyObject *phone_runs(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Text text;
    const void *word_begins;
    if (read_arguments(arguments, count, 1, &text, &word_begins) < 0) return NULL;
    PyObject *runs = NULL;
    Py_ssize_t place = 0;
    while (place < text.length) {
        if (!is_digit(at(&text, place))) {
            place++;
            continue;
        }
        Py_ssize_t start = place, next;
        place = behind_digits(&text, place);
        Py_ssize_t digits = place - start;
        while ((next = next_digits(&text, place)) >= 0) {
            place = behind_digits(&text, next);
            digits += place - next;
        }
        int is_bare = digits == place - start;
        if (digits < LEAST_DIGITS) continue;
        if (is_bare && digits < LONG_DIGITS && !may_be_short(&text, start, place, word_begins)) continue;
        if (append(&runs, Py_BuildValue("(nn)", start, place)) < 0) return NULL;
    }
    return runs != NULL ? runs : PyTuple_New(0);
}

/* Whether what stands behind a dot may belong to a host: a letter, or a character that the table has, perhaps behind a
 * bracket and spaces. */
static int may_be_host(const Text *text, Py_ssize_t place, const uint8_t *begins)
{
    Py_ssize_t end = text->length, stop;
    if (place < end && Py_UNICODE_ISSPACE(at(text, place))) place++;
    if (place < end && (at(text, place) == ']' || at(text, place) == ')' || at(text, place) == '>')) place++;
    for (stop = place + 2; place < stop && place < end && Py_UNICODE_ISSPACE(at(text, place)); place++) {}
    if (place == end) return 0;
    Py_UCS4 c = at(text, place);
    return is_lower(c) || (c < BMP && begins[c] != 0);
}

static int is_in_address(const Text *text, Py_ssize_t place)
{
    Py_ssize_t end = behind_digits(text, place);
    return end > place && end - place <= 3 && end + 1 < text->length && at(text, end) == '.' && is_digit(at(text, end + 1));
}

PyDoc_STRVAR(link_hint_doc, "link_hint(plain, begins) -> bool\n\n"
    "Whether a link may be there. begins: the characters (8 bits each) that a top-level domain in Han may begin with.");

static PyObject *link_hint(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Text text;
    const void *begins;
    if (read_arguments(arguments, count, 1, &text, &begins) < 0) return NULL;
    for (Py_ssize_t place = 0; place < text.length; place++) {
        switch (at(&text, place)) {
        case ':':
            if (place + 2 < text.length && at(&text, place + 1) == '/' && at(&text, place + 2) == '/') Py_RETURN_TRUE;
            break;
        case '.':
            if (is_in_address(&text, place + 1)) Py_RETURN_TRUE;
            /* fall through */
        case 0x3002: /* 。 */
        case 0x00B7: /* · */
        case 0x70B9: /* 点 */
            if (may_be_host(&text, place + 1, begins)) Py_RETURN_TRUE;
        }
    }
    Py_RETURN_FALSE;
}

/* -- words ---------------------------------------------------------------------------------------------------------- */

/* All words in a tree of characters. Its edges are in one hash table, by the node they leave and their character; node
 * 0 is the root, and in an empty slot. A filter of the first two characters of all words keeps most places of a text
 * from the table, which is much larger than what a core keeps at hand. */
typedef struct {
    uint32_t from, to;
    Py_UCS4 character;
} Edge;

typedef struct {
    PyObject_HEAD
    Edge *edges;         /* of a power of two, at most half of them used */
    uint32_t *word_at;   /* the number of the word that ends at a node, plus one */
    uint8_t *filter;     /* bits, a power of two */
    size_t edge_slots, node_slots, filter_bits;
    uint32_t nodes, words;
    int has_single;      /* some word is one character */
} Trie;

#define LEAST_SLOTS 64
#define FILTER_BITS_PER_SLOT 4
#define MOST_NODES (UINT32_C(1) << 30)

static inline size_t mixed(uint32_t one, uint32_t other)
{
    uint64_t both = ((uint64_t)one << 32 | other) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(((both ^ both >> 32) * UINT64_C(0xD6E8FEB86659FD93)) >> 32);
}

static inline Edge *edge_of(const Trie *trie, uint32_t from, Py_UCS4 character)
{
    size_t mask = trie->edge_slots - 1, slot = mixed(from, character) & mask;
    while (trie->edges[slot].to != 0 && (trie->edges[slot].from != from || trie->edges[slot].character != character))
        slot = (slot + 1) & mask;
    return &trie->edges[slot];
}

/* Less well mixed: this is what every place of every text costs. */
static inline size_t filter_bit(const Trie *trie, Py_UCS4 first, Py_UCS4 second)
{
    uint32_t both = (first * UINT32_C(0x85EBCA6B) + second) * UINT32_C(0x9E3779B1);
    return (both ^ both >> 15) & (trie->filter_bits - 1);
}

static inline void set_bit(Trie *trie, Py_UCS4 first, Py_UCS4 second)
{
    size_t bit = filter_bit(trie, first, second);
    trie->filter[bit >> 3] |= (uint8_t)(1 << (bit & 7));
}

static inline int has_bit(const Trie *trie, Py_UCS4 first, Py_UCS4 second)
{
    size_t bit = filter_bit(trie, first, second);
    return trie->filter[bit >> 3] >> (bit & 7) & 1;
}

/* The filter's bits, from the edges: those that leave a child of the root, and its character. */
static int refill(Trie *trie)
{
    Py_UCS4 *first_of = PyMem_Calloc(trie->nodes, sizeof(Py_UCS4));
    if (first_of == NULL) return -1;
    Edge *end = trie->edges + trie->edge_slots;
    for (Edge *edge = trie->edges; edge < end; edge++)
        if (edge->to != 0 && edge->from == 0) first_of[edge->to] = edge->character + 1;
    for (Edge *edge = trie->edges; edge < end; edge++)
        if (edge->to != 0 && first_of[edge->from] != 0) set_bit(trie, first_of[edge->from] - 1, edge->character);
    PyMem_Free(first_of);
    return 0;
}

/* Twice the slots: all edges are put into a new table. */
static int grow_edges(Trie *trie)
{
    Trie larger = *trie;
    larger.edge_slots *= 2;
    larger.filter_bits = larger.edge_slots * FILTER_BITS_PER_SLOT;
    larger.edges = PyMem_Calloc(larger.edge_slots, sizeof(Edge));
    larger.filter = PyMem_Calloc(larger.filter_bits / 8, 1);
    if (larger.edges == NULL || larger.filter == NULL) goto failed;
    for (size_t slot = 0; slot < trie->edge_slots; slot++) {
        Edge *edge = &trie->edges[slot];
        if (edge->to != 0) *edge_of(&larger, edge->from, edge->character) = *edge;
    }
    if (refill(&larger) < 0) goto failed;
    PyMem_Free(trie->edges);
    PyMem_Free(trie->filter);
    *trie = larger;
    return 0;
failed:
    PyMem_Free(larger.edges);
    PyMem_Free(larger.filter);
    PyErr_NoMemory();
    return -1;
}

static int grow_nodes(Trie *trie)
{
    uint32_t *larger = PyMem_Resize(trie->word_at, uint32_t, trie->node_slots * 2);
    if (larger == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(larger + trie->node_slots, 0, trie->node_slots * sizeof(uint32_t));
    trie->word_at = larger;
    trie->node_slots *= 2;
    return 0;
}

static int add_word(Trie *trie, const Text *word)
{
    uint32_t node = 0;
    for (Py_ssize_t place = 0; place < word->length; place++) {
        Py_UCS4 c = at(word, place);
        Edge *edge = edge_of(trie, node, c);
        if (edge->to == 0) {
            if (trie->nodes >= MOST_NODES) {
                PyErr_SetString(PyExc_OverflowError, "too many words");
                return -1;
            }
            if ((size_t)trie->nodes * 2 >= trie->edge_slots) {
                if (grow_edges(trie) < 0) return -1;
                edge = edge_of(trie, node, c);
            }
            if (trie->nodes == trie->node_slots && grow_nodes(trie) < 0) return -1;
            *edge = (Edge){node, trie->nodes++, c};
        }
        if (place == 1) set_bit(trie, at(word, 0), c);
        node = edge->to;
    }
    if (trie->word_at[node] == 0) trie->word_at[node] = trie->words + 1;
    trie->has_single |= word->length == 1;
    trie->words++;
    return 0;
}

PyDoc_STRVAR(trie_add_doc, "add(words: list[str]) -> None\n\n"
    "Words get the next numbers, from 0; of equal ones the first is found. An empty one is never found.");

static PyObject *trie_add(PyObject *self, PyObject *words)
{
    if (!PyList_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "a list of words is needed");
        return NULL;
    }
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(words); place++) {
        Text word;
        if (read_text(PyList_GET_ITEM(words, place), &word) < 0) return NULL;
        if (add_word((Trie *)self, &word) < 0) return NULL;
    }
    Py_RETURN_NONE;
}

/* All words in characters, as a new list; an empty tuple, which costs nothing, where there are none. */
static PyObject *search(const Trie *trie, const Py_UCS4 *text, Py_ssize_t length)
{
    PyObject *hits = NULL;
    for (Py_ssize_t start = 0; start < length; start++) {
        if (!trie->has_single && (start + 1 == length || !has_bit(trie, text[start], text[start + 1]))) continue;
        uint32_t node = 0;
        for (Py_ssize_t place = start; place < length; place++) {
            node = edge_of(trie, node, text[place])->to;
            if (node == 0) break;
            if (trie->word_at[node] == 0) continue;
            unsigned int number = trie->word_at[node] - 1;
            if (append(&hits, Py_BuildValue("(Inn)", number, start, place + 1)) < 0) return NULL;
        }
    }
    return hits != NULL ? hits : PyTuple_New(0);
}

/* Puts a text without ASCII signs and 。 into `squeezed`, which has room for it. -1: it has more than those, ASCII letters
 * and digits, and Han. */
static Py_ssize_t squeeze(const Text *text, Py_UCS4 *squeezed)
{
    Py_ssize_t length = 0;
    for (Py_ssize_t place = 0; place < text->length; place++) {
        Py_UCS4 c = at(text, place);
        if (c >= 0x4000 && c < 0xA000) squeezed[length++] = c;
        else if (c < 0x80) {
            if (is_letter(c) || is_digit(c)) squeezed[length++] = c;
        }
        else if (c != 0x3002) return -1;
    }
    return length;
}

PyDoc_STRVAR(squeezed_doc, "squeezed(plain) -> bytes | None\n\n"
    "UTF-8 of the text without its signs and spaces; None where it takes more than leaving out ASCII and 。.");

static PyObject *squeezed(PyObject *module, PyObject *plain)
{
    Text text;
    if (read_text(plain, &text) < 0) return NULL;
    Py_UCS4 near[STACK_CHARS], *characters = near;
    if (text.length > STACK_CHARS) {
        characters = PyMem_New(Py_UCS4, text.length);
        if (characters == NULL) return PyErr_NoMemory();
    }
    Py_ssize_t length = squeeze(&text, characters), octets = 0;
    PyObject *result = NULL;
    if (length < 0) result = Py_NewRef(Py_None);
    else {
        for (Py_ssize_t place = 0; place < length; place++) octets += characters[place] < 0x80 ? 1 : 3;
        result = PyBytes_FromStringAndSize(NULL, octets);
    }
    if (length >= 0 && result != NULL) {
        uint8_t *next = (uint8_t *)PyBytes_AS_STRING(result);
        for (Py_ssize_t place = 0; place < length; place++) {
            Py_UCS4 c = characters[place];
            if (c < 0x80) *next++ = (uint8_t)c;
            else {
                *next++ = (uint8_t)(0xE0 | c >> 12);
                *next++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
                *next++ = (uint8_t)(0x80 | (c & 0x3F));
            }
        }
    }
    if (characters != near) PyMem_Free(characters);
    return result;
}

static Py_ssize_t copy(const Text *text, Py_UCS4 *characters)
{
    for (Py_ssize_t place = 0; place < text->length; place++) characters[place] = at(text, place);
    return text->length;
}

static PyObject *search_prepared(PyObject *self, PyObject *object, Py_ssize_t (*prepare)(const Text *, Py_UCS4 *))
{
    Text text;
    if (read_text(object, &text) < 0) return NULL;
    Py_UCS4 near[STACK_CHARS], *characters = near;
    if (text.length > STACK_CHARS) {
        characters = PyMem_New(Py_UCS4, text.length);
        if (characters == NULL) return PyErr_NoMemory();
    }
    Py_ssize_t length = prepare(&text, characters);
    PyObject *result = length < 0 ? Py_NewRef(Py_None) : search((Trie *)self, characters, length);
    if (characters != near) PyMem_Free(characters);
    return result;
}

PyDoc_STRVAR(trie_find_doc, "find(text) -> Sequence[tuple[int, int, int]]\n\n"
    "Number, start and end of each word in the text, by start and then by end.");

static PyObject *trie_find(PyObject *self, PyObject *text) { return search_prepared(self, text, copy); }

PyDoc_STRVAR(trie_find_squeezed_doc, "find_squeezed(plain) -> Sequence[tuple[int, int, int]] | None\n\n"
    "The same in the text without its signs and spaces; None where it takes more than leaving out ASCII and 。.");

static PyObject *trie_find_squeezed(PyObject *self, PyObject *plain) { return search_prepared(self, plain, squeeze); }

static PyObject *trie_new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, named, "", names)) return NULL;
    Trie *trie = (Trie *)type->tp_alloc(type, 0);
    if (trie == NULL) return NULL;
    trie->edge_slots = trie->node_slots = LEAST_SLOTS;
    trie->filter_bits = LEAST_SLOTS * FILTER_BITS_PER_SLOT;
    trie->nodes = 1;
    trie->edges = PyMem_Calloc(trie->edge_slots, sizeof(Edge));
    trie->word_at = PyMem_Calloc(trie->node_slots, sizeof(uint32_t));
    trie->filter = PyMem_Calloc(trie->filter_bits / 8, 1);
    if (trie->edges == NULL || trie->word_at == NULL || trie->filter == NULL) {
        Py_DECREF(trie);
        return PyErr_NoMemory();
    }
    return (PyObject *)trie;
}

static void trie_dealloc(PyObject *self)
{
    Trie *trie = (Trie *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(trie->edges);
    PyMem_Free(trie->word_at);
    PyMem_Free(trie->filter);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef trie_methods[] = {
    {"add", trie_add, METH_O, trie_add_doc},
    {"find", trie_find, METH_O, trie_find_doc},
    {"find_squeezed", trie_find_squeezed, METH_O, trie_find_squeezed_doc},
    {NULL},
};

static PyType_Slot trie_slots[] = {
    {Py_tp_doc, "Words, and finding all of them in a text at once."},
    {Py_tp_new, trie_new},
    {Py_tp_dealloc, trie_dealloc},
    {Py_tp_methods, trie_methods},
    {0, NULL},
};

static PyType_Spec trie_spec = {"smsgw.policy._scan.Trie", sizeof(Trie), 0, Py_TPFLAGS_DEFAULT, trie_slots};

/* -- templates ------------------------------------------------------------------------------------------------------ */

enum { ANY, DIGITS, LETTERS, CODE, CHECKED, KINDS };
enum { NO, YES, UNLESS_LINKS, ASK };

/* A variable and the literal behind it. */
typedef struct {
    Py_ssize_t min_chars, max_chars, literal_chars;
    int kind;
    PyObject *literal;
    PyObject *check; /* of a CHECKED one: (text, start, stop) -> None if it is not one */
} Step;

typedef struct {
    PyObject_VAR_HEAD
    Py_ssize_t min_chars, max_chars, head_chars, tail_chars;
    int best;
    PyObject *head, *tail;
    PyObject *harmless; /* table: the characters that can't be part of a link where nothing of one stands beside them */
    Step steps[];
} Form;

static PyObject *checked(PyObject *check, PyObject *text, Py_ssize_t start, Py_ssize_t stop)
{
    PyObject *arguments[] = {text, PyLong_FromSsize_t(start), PyLong_FromSsize_t(stop)}, *match = NULL;
    if (arguments[1] != NULL && arguments[2] != NULL) match = PyObject_Vectorcall(check, arguments, 3, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    return match;
}

/* NO also stands for an error of a check: then an exception is set. */
static int fit_value(const Form *form, const Step *step, PyObject *object, const Text *text, Py_ssize_t start, Py_ssize_t stop)
{
    if (step->kind == CHECKED) {
        PyObject *match = checked(step->check, object, start, stop);
        int fit = match == NULL || match == Py_None ? NO : YES;
        Py_XDECREF(match);
        return fit;
    }
    const char *harmless = PyBytes_AS_STRING(form->harmless);
    for (Py_ssize_t place = start; place < stop; place++) {
        Py_UCS4 c = at(text, place);
        switch (step->kind) {
        case ANY:
            if (c >= BMP || harmless[c] == 0) return UNLESS_LINKS;
            break;
        case DIGITS:
            if (!is_digit(c)) return NO;
            break;
        case LETTERS:
            if (!is_letter(c)) return NO;
            break;
        default:
            if (!is_digit(c) && !is_letter(c)) return NO;
        }
    }
    return YES;
}

PyDoc_STRVAR(form_fits_doc, "fits(text) -> int\n\n"
    "0 no, 1 yes, 2 unless there are links; each variable as short as its literal allows. 3: only trying all ways tells.");

static int form_fit(const Form *form, PyObject *object, const Text *text)
{
    if (text->length < form->min_chars || text->length > form->max_chars) return NO;
    if (PyUnicode_Tailmatch(object, form->head, 0, text->length, -1) != 1) return NO;
    if (PyUnicode_Tailmatch(object, form->tail, 0, text->length, 1) != 1) return NO;
    int fit = Py_SIZE(form) ? form->best : YES;
    Py_ssize_t start = form->head_chars;
    for (Py_ssize_t place = 0; place < Py_SIZE(form); place++) {
        const Step *step = &form->steps[place];
        int is_last = place == Py_SIZE(form) - 1;
        Py_ssize_t stop = text->length - form->tail_chars;
        if (is_last) {
            int is_room = stop - start >= step->min_chars && stop - start <= step->max_chars;
            if (!is_room) return place ? ASK : NO;
        } else {
            Py_ssize_t end = Py_MIN(start + step->max_chars + step->literal_chars, text->length);
            stop = start + step->min_chars > end ? -1 : PyUnicode_Find(object, step->literal, start + step->min_chars, end, 1);
            if (stop < 0) return ASK;
        }
        int value = fit_value(form, step, object, text, start, stop);
        if (value == NO) return is_last && !place ? NO : ASK;
        if (value == UNLESS_LINKS) fit = UNLESS_LINKS;
        start = stop + step->literal_chars;
    }
    return fit;
}

static PyObject *form_fits(PyObject *self, PyObject *object)
{
    Text text;
    if (read_text(object, &text) < 0) return NULL;
    int fit = form_fit((Form *)self, object, &text);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(fit);
}

/* A step is (min_chars, max_chars, kind or check, literal). References are kept by the form from here on. */
static int read_step(PyObject *item, Step *step)
{
    PyObject *kind;
    if (!PyTuple_Check(item) ||
        !PyArg_ParseTuple(item, "nnOU", &step->min_chars, &step->max_chars, &kind, &step->literal)) {
        step->literal = NULL;
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a step is a tuple");
        return -1;
    }
    Py_INCREF(step->literal);
    step->literal_chars = PyUnicode_GET_LENGTH(step->literal);
    if (step->min_chars < 0 || step->max_chars < 0 || step->max_chars > INT32_MAX || step->min_chars > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "bounds of a step");
        return -1;
    }
    if (PyCallable_Check(kind)) {
        step->kind = CHECKED;
        step->check = Py_NewRef(kind);
        return 0;
    }
    step->kind = (int)PyLong_AsLong(kind);
    if (!PyErr_Occurred() && (step->kind < ANY || step->kind >= CHECKED)) PyErr_SetString(PyExc_ValueError, "kind of a step");
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *form_new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    static char *names[] = {"head", "tail", "steps", "min_chars", "max_chars", "is_exposed", "harmless", NULL};
    PyObject *head, *tail, *steps, *harmless;
    Py_ssize_t min_chars, max_chars;
    int is_exposed;
    if (!PyArg_ParseTupleAndKeywords(arguments, named, "UUO!nnpS", names, &head, &tail, &PyTuple_Type, &steps, &min_chars,
                                     &max_chars, &is_exposed, &harmless) ||
        read_table(harmless, 1) == NULL)
        return NULL;
    Form *form = (Form *)type->tp_alloc(type, PyTuple_GET_SIZE(steps));
    if (form == NULL) return NULL;
    form->min_chars = min_chars;
    form->max_chars = max_chars;
    form->head_chars = PyUnicode_GET_LENGTH(head);
    form->tail_chars = PyUnicode_GET_LENGTH(tail);
    form->best = is_exposed ? UNLESS_LINKS : YES;
    form->head = Py_NewRef(head);
    form->tail = Py_NewRef(tail);
    form->harmless = Py_NewRef(harmless);
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(steps); place++) {
        if (read_step(PyTuple_GET_ITEM(steps, place), &form->steps[place]) < 0) {
            Py_DECREF(form);
            return NULL;
        }
    }
    return (PyObject *)form;
}

static void form_dealloc(PyObject *self)
{
    Form *form = (Form *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (Py_ssize_t place = 0; place < Py_SIZE(form); place++) {
        Py_XDECREF(form->steps[place].literal);
        Py_XDECREF(form->steps[place].check);
    }
    Py_XDECREF(form->head);
    Py_XDECREF(form->tail);
    Py_XDECREF(form->harmless);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef form_methods[] = {{"fits", form_fits, METH_O, form_fits_doc}, {NULL}};

static PyType_Slot form_slots[] = {
    {Py_tp_doc, "A template in one spelling."},
    {Py_tp_new, form_new},
    {Py_tp_dealloc, form_dealloc},
    {Py_tp_methods, form_methods},
    {0, NULL},
};

static PyType_Spec form_spec = {"smsgw.policy._scan.Form", sizeof(Form), sizeof(Step), Py_TPFLAGS_DEFAULT, form_slots};

/* -- the module ----------------------------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"fold", (PyCFunction)(void (*)(void))fold, METH_FASTCALL, fold_doc},
    {"count", (PyCFunction)(void (*)(void))count_flagged, METH_FASTCALL, count_doc},
    {"phone_runs", (PyCFunction)(void (*)(void))phone_runs, METH_FASTCALL, phone_runs_doc},
    {"link_hint", (PyCFunction)(void (*)(void))link_hint, METH_FASTCALL, link_hint_doc},
    {"squeezed", squeezed, METH_O, squeezed_doc},
    {NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    int status = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return status;
}

static int begin(PyObject *module)
{
    const char *pure = getenv("SMSGW_PURE");
    if (pure != NULL && *pure != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "SMSGW_PURE is set");
        return -1;
    }
    return add_type(module, &trie_spec) < 0 || add_type(module, &form_spec) < 0 ? -1 : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_scan", "The loops of the rules over every character, compiled.", 0, functions, slots,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__scan(void) { return PyModuleDef_Init(&definition); }
