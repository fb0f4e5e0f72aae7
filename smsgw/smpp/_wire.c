/* What every message costs on the wire, in C: the view of a submit_sm or deliver_sm, the usual receipt of a carrier, and
 * building PDUs. Optional: each has its twin in Python (views, receipt, pdu), which decides what is right and runs where
 * this was not compiled or where SMSGW_PURE is set.
 *
 * Nothing here raises by itself over octets: what does not fit, or is not the usual case, goes to the twin with the same
 * arguments, which reads it slowly or says what is wrong. No length is trusted: a field is looked for within what there
 * is. Memory: views own a reference to their octets; nothing refers back to them, so they need no garbage collection.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16, MAX_SHORT_MESSAGE = 254 };
enum { SERVICE_TYPE_OCTETS = 6, ADDRESS_OCTETS = 21, TIME_OCTETS = 17, MESSAGE_ID_OCTETS = 65 };
static const uint32_t RESPONSE_BIT = 0x80000000, DELIVER_SM = 5;
enum { ESM_RECEIPT = 0x04, ESM_INTERMEDIATE = 0x20, ESM_UDHI = 0x40 };
enum { DELIVERED = 2 };
enum { RECEIPTED_MESSAGE_ID = 0x001E, NETWORK_ERROR_CODE = 0x0423, MESSAGE_PAYLOAD = 0x0424, MESSAGE_STATE = 0x0427 };

static inline uint32_t read_16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t read_32(const uint8_t *at) { return read_16(at) << 16 | read_16(at + 2); }

static inline void write_32(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)(number >> 24);
    at[1] = (uint8_t)(number >> 16);
    at[2] = (uint8_t)(number >> 8);
    at[3] = (uint8_t)number;
}

/* -- views ---------------------------------------------------------------------------------------------------------- */

/* The C-strings of a message in their order, and how many octets stand before each. */
enum { SERVICE, SOURCE, DESTINATION, SCHEDULE, VALIDITY, STRINGS };
static const uint8_t BEFORE[STRINGS] = {0, 2, 2, 3, 0};
static const uint8_t MOST[STRINGS] = {SERVICE_TYPE_OCTETS, ADDRESS_OCTETS, ADDRESS_OCTETS, TIME_OCTETS, TIME_OCTETS};
enum { OPTIONS = 5 }; /* registered_delivery to sm_length */

typedef struct {
    PyObject_HEAD
    PyObject *raw;
    PyObject *tlvs; /* NULL until somebody reads them */
    uint16_t begins[STRINGS], ends[STRINGS];
    uint16_t message_at;
    uint8_t sm_length;
} Sm;

/* The twin of the type, and what reads TLVs: Python's, handed in by `views`. */
typedef struct {
    PyObject *twin, *parse_tlvs, *no_tlvs;
} State;

static inline const uint8_t *octets_of(const Sm *sm) { return (const uint8_t *)PyBytes_AS_STRING(sm->raw); }
static inline Py_ssize_t tlvs_at(const Sm *sm) { return sm->message_at + sm->sm_length; }
static inline int esm_class(const Sm *sm) { return octets_of(sm)[sm->ends[DESTINATION] + 1]; }

static PyObject *cut(const Sm *sm, Py_ssize_t begin, Py_ssize_t end)
{
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(sm->raw) + begin, end - begin);
}

/* 0 where a mandatory field never ends or runs past the octets. */
static int find_fields(Sm *sm)
{
    const uint8_t *octets = octets_of(sm);
    Py_ssize_t length = PyBytes_GET_SIZE(sm->raw), at = HEADER;
    for (int place = 0; place < STRINGS; place++) {
        at += BEFORE[place];
        if (at >= length) return 0;
        const uint8_t *end = memchr(octets + at, 0, (size_t)Py_MIN(MOST[place], length - at));
        if (end == NULL) return 0;
        sm->begins[place] = (uint16_t)at;
        sm->ends[place] = (uint16_t)(end - octets);
        at = end - octets + 1;
    }
    at += OPTIONS;
    if (at > length) return 0;
    sm->message_at = (uint16_t)at;
    sm->sm_length = octets[at - 1];
    return sm->sm_length <= MAX_SHORT_MESSAGE && tlvs_at(sm) <= length;
}

static const State *state_of_type(PyTypeObject *type)
{
    const State *state = PyType_GetModuleState(type);
    if (state != NULL && state->twin != NULL) return state;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "prepare was not called");
    return NULL;
}

static PyObject *made_sm(PyTypeObject *type, PyObject *raw)
{
    const State *state = state_of_type(type);
    Sm *sm = state == NULL ? NULL : (Sm *)type->tp_alloc(type, 0);
    if (sm == NULL) return NULL;
    sm->raw = Py_NewRef(raw);
    if (find_fields(sm)) return (PyObject *)sm;
    Py_DECREF(sm);
    PyObject *view = PyObject_CallOneArg(state->twin, raw); /* says what is wrong */
    if (view != NULL) PyErr_SetString(PyExc_SystemError, "Python reads a message that C refuses");
    Py_XDECREF(view);
    return NULL;
}

static const char ONE_FRAME[] = "Sm(raw) needs one frame as bytes";

/* As the type is called, without a tuple of arguments. */
static PyObject *sm_vectorcall(PyObject *type, PyObject *const *arguments, size_t flags, PyObject *names)
{
    if (PyVectorcall_NARGS(flags) == 1 && names == NULL && PyBytes_Check(arguments[0]))
        return made_sm((PyTypeObject *)type, arguments[0]);
    PyErr_SetString(PyExc_TypeError, ONE_FRAME);
    return NULL;
}

static PyObject *sm_new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    if (PyTuple_GET_SIZE(arguments) == 1 && (named == NULL || !PyDict_GET_SIZE(named)) &&
        PyBytes_Check(PyTuple_GET_ITEM(arguments, 0)))
        return made_sm(type, PyTuple_GET_ITEM(arguments, 0));
    PyErr_SetString(PyExc_TypeError, ONE_FRAME);
    return NULL;
}

static void sm_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(((Sm *)self)->raw);
    Py_XDECREF(((Sm *)self)->tlvs);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A getter's closure says where its field lies. */
#define WORD(at) ((void *)(intptr_t)(at))
#define STRING(place) ((void *)(intptr_t)(place))
#define OCTET(place, behind_nul) ((void *)(intptr_t)((place) << 8 | (behind_nul)))

static PyObject *get_word(PyObject *self, void *closure)
{
    return PyLong_FromUnsignedLong(read_32(octets_of((Sm *)self) + (intptr_t)closure));
}

static PyObject *get_string(PyObject *self, void *closure)
{
    const Sm *sm = (Sm *)self;
    intptr_t place = (intptr_t)closure;
    return cut(sm, sm->begins[place], sm->ends[place]);
}

static PyObject *get_octet(PyObject *self, void *closure)
{
    const Sm *sm = (Sm *)self;
    intptr_t where = (intptr_t)closure;
    return PyLong_FromLong(octets_of(sm)[sm->ends[where >> 8] + (where & 0xFF)]);
}

static PyObject *get_raw(PyObject *self, void *closure) { return Py_NewRef(((Sm *)self)->raw); }

static PyObject *get_has_udh(PyObject *self, void *closure) { return PyBool_FromLong(esm_class((Sm *)self) & ESM_UDHI); }

static PyObject *get_short_message(PyObject *self, void *closure)
{
    const Sm *sm = (Sm *)self;
    return cut(sm, sm->message_at, tlvs_at(sm));
}

static PyObject *get_message_offset(PyObject *self, void *closure) { return PyLong_FromLong(((Sm *)self)->message_at); }

static PyObject *get_tlvs_offset(PyObject *self, void *closure) { return PyLong_FromSsize_t(tlvs_at((Sm *)self)); }

static PyObject *get_tlvs(PyObject *self, void *closure)
{
    Sm *sm = (Sm *)self;
    if (sm->tlvs == NULL) {
        const State *state = state_of_type(Py_TYPE(self));
        if (state == NULL) return NULL;
        Py_ssize_t at = tlvs_at(sm);
        PyObject *tlvs;
        if (at == PyBytes_GET_SIZE(sm->raw)) tlvs = Py_NewRef(state->no_tlvs);
        else tlvs = PyObject_CallFunction(state->parse_tlvs, "On", sm->raw, at);
        Py_XSETREF(sm->tlvs, tlvs);
    }
    return Py_XNewRef(sm->tlvs);
}

static PyObject *get_payload(PyObject *self, void *closure)
{
    if (((Sm *)self)->sm_length) return get_short_message(self, closure);
    PyObject *tlvs = get_tlvs(self, closure);
    if (tlvs == NULL) return NULL;
    PyObject *payload = PyObject_CallMethod(tlvs, "first", "i", MESSAGE_PAYLOAD);
    Py_DECREF(tlvs);
    if (payload != Py_None) return payload;
    Py_DECREF(payload);
    return PyBytes_FromStringAndSize(NULL, 0);
}

PyDoc_STRVAR(pieces_doc,
    "pieces() -> tuple\n\nThe mandatory fields as nine runs of octets, without their NULs, up to sm_length.");

static PyObject *pieces(PyObject *self, PyObject *ignored)
{
    const Sm *sm = (Sm *)self;
    const uint16_t *begins = sm->begins, *ends = sm->ends;
    const Py_ssize_t runs[][2] = {
        {begins[SERVICE], ends[SERVICE]},
        {ends[SERVICE] + 1, begins[SOURCE]},
        {begins[SOURCE], ends[SOURCE]},
        {ends[SOURCE] + 1, begins[DESTINATION]},
        {begins[DESTINATION], ends[DESTINATION]},
        {ends[DESTINATION] + 1, begins[SCHEDULE]},
        {begins[SCHEDULE], ends[SCHEDULE]},
        {begins[VALIDITY], ends[VALIDITY]},
        {ends[VALIDITY] + 1, sm->message_at},
    };
    const Py_ssize_t count = sizeof runs / sizeof runs[0];
    PyObject *result = PyTuple_New(count);
    for (Py_ssize_t place = 0; result != NULL && place < count; place++) {
        PyObject *run = cut(sm, runs[place][0], runs[place][1]);
        if (run == NULL) Py_CLEAR(result);
        else PyTuple_SET_ITEM(result, place, run);
    }
    return result;
}

PyDoc_STRVAR(plain_doc,
    "plain() -> tuple | None\n\nThe fields of a message that is nothing but a short_message, to be sent at once.");

static PyObject *plain(PyObject *self, PyObject *ignored)
{
    const Sm *sm = (Sm *)self;
    const uint8_t *options = octets_of(sm) + sm->ends[VALIDITY] + 1;
    int has_times = sm->begins[SCHEDULE] != sm->ends[SCHEDULE] || sm->begins[VALIDITY] != sm->ends[VALIDITY];
    int is_predefined = options[3] != 0;
    int is_whole = tlvs_at(sm) == PyBytes_GET_SIZE(sm->raw);
    if (!sm->sm_length || !is_whole || has_times || is_predefined || esm_class(sm) & ESM_UDHI) Py_RETURN_NONE;
    PyObject *fields[] = {
        cut(sm, sm->begins[SOURCE], sm->ends[SOURCE]), cut(sm, sm->begins[DESTINATION], sm->ends[DESTINATION]),
        PyLong_FromLong(options[0]), PyLong_FromLong(options[2]), cut(sm, sm->message_at, tlvs_at(sm)),
    };
    const Py_ssize_t count = sizeof fields / sizeof fields[0];
    PyObject *result = PyErr_Occurred() ? NULL : PyTuple_New(count);
    for (Py_ssize_t place = 0; place < count; place++) {
        if (result != NULL) PyTuple_SET_ITEM(result, place, fields[place]);
        else Py_XDECREF(fields[place]);
    }
    return result;
}

static PyGetSetDef sm_fields[] = {
    {"raw", get_raw},
    {"command_id", get_word, NULL, NULL, WORD(4)},
    {"command_status", get_word, NULL, NULL, WORD(8)},
    {"sequence_number", get_word, NULL, NULL, WORD(12)},
    {"service_type", get_string, NULL, NULL, STRING(SERVICE)},
    {"source_addr_ton", get_octet, NULL, NULL, OCTET(SERVICE, 1)},
    {"source_addr_npi", get_octet, NULL, NULL, OCTET(SERVICE, 2)},
    {"source_addr", get_string, NULL, NULL, STRING(SOURCE)},
    {"dest_addr_ton", get_octet, NULL, NULL, OCTET(SOURCE, 1)},
    {"dest_addr_npi", get_octet, NULL, NULL, OCTET(SOURCE, 2)},
    {"destination_addr", get_string, NULL, NULL, STRING(DESTINATION)},
    {"esm_class", get_octet, NULL, NULL, OCTET(DESTINATION, 1)},
    {"protocol_id", get_octet, NULL, NULL, OCTET(DESTINATION, 2)},
    {"priority_flag", get_octet, NULL, NULL, OCTET(DESTINATION, 3)},
    {"schedule_delivery_time", get_string, NULL, NULL, STRING(SCHEDULE)},
    {"validity_period", get_string, NULL, NULL, STRING(VALIDITY)},
    {"registered_delivery", get_octet, NULL, NULL, OCTET(VALIDITY, 1)},
    {"replace_if_present_flag", get_octet, NULL, NULL, OCTET(VALIDITY, 2)},
    {"data_coding", get_octet, NULL, NULL, OCTET(VALIDITY, 3)},
    {"sm_default_msg_id", get_octet, NULL, NULL, OCTET(VALIDITY, 4)},
    {"sm_length", get_octet, NULL, NULL, OCTET(VALIDITY, 5)},
    {"has_udh", get_has_udh},
    {"short_message", get_short_message},
    {"message_offset", get_message_offset},
    {"tlvs_offset", get_tlvs_offset},
    {"tlvs", get_tlvs},
    {"payload", get_payload},
    {NULL},
};

static PyMethodDef sm_methods[] = {
    {"pieces", pieces, METH_NOARGS, pieces_doc},
    {"plain", plain, METH_NOARGS, plain_doc},
    {NULL},
};

static PyType_Slot sm_slots[] = {
    {Py_tp_doc, "Sm(raw): a submit_sm or deliver_sm, read where it lies; see views."},
    {Py_tp_new, sm_new},
    {Py_tp_dealloc, sm_dealloc},
    {Py_tp_getset, sm_fields},
    {Py_tp_methods, sm_methods},
    {0, NULL},
};

static PyType_Spec sm_spec = {"smsgw.smpp._wire.Sm", sizeof(Sm), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, sm_slots};

PyDoc_STRVAR(prepare_doc, "prepare(twin, parse_tlvs, no_tlvs)\n\nThe twin of Sm, and what its tlvs are read with.");

static PyObject *prepare(PyObject *module, PyObject *arguments)
{
    PyObject *twin, *parse_tlvs, *no_tlvs;
    if (!PyArg_ParseTuple(arguments, "OOO", &twin, &parse_tlvs, &no_tlvs)) return NULL;
    State *state = PyModule_GetState(module);
    Py_XSETREF(state->twin, Py_NewRef(twin));
    Py_XSETREF(state->parse_tlvs, Py_NewRef(parse_tlvs));
    Py_XSETREF(state->no_tlvs, Py_NewRef(no_tlvs));
    Py_RETURN_NONE;
}

/* -- receipts ------------------------------------------------------------------------------------------------------- */

/* What `parse_receipt` is made of, in its order. */
enum { TWIN, VIEW, RECEIPT, STATES, STAT_WORDS, FINAL_STATES, PARSE_DATE, PARSER_PARTS };
/* The fields of a Receipt, in theirs. */
enum { R_ID, R_STAT, R_STATE, R_ERR, R_SUB, R_DLVRD, R_SUBMIT, R_DONE, R_TEXT, R_FINAL, R_INTERMEDIATE, RECEIPT_FIELDS };

typedef struct {
    const char *begin, *end;
} Run;

/* What a receipt's text says; `begin` NULL where a field is not there. */
typedef struct {
    Run id, sub, dlvrd, submit_date, done_date, stat, err, text;
} Text;

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }
static inline int is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline int is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
static int is_id(char c) { return is_digit(c) || is_letter(c) || c == '-'; }
static int is_stat(char c) { return is_digit(c) || is_upper(c) || c == ':'; }
static int is_err(char c) { return is_digit(c) || is_letter(c); }
static int is_number(char c) { return is_digit(c); }
static inline int is_padding(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; }

/* Passes over the word, if it stands at `*at`. */
static int takes(const char **at, const char *end, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(end - *at) < length || memcmp(*at, word, length) != 0) return 0;
    *at += length;
    return 1;
}

/* Takes `least` to `most` characters of a kind. */
static int run(const char **at, const char *end, int (*is_kind)(char), Py_ssize_t least, Py_ssize_t most, Run *found)
{
    found->begin = *at;
    while (*at < end && is_kind(**at)) ++*at;
    found->end = *at;
    return *at - found->begin >= least && *at - found->begin <= most;
}

/* The form that nearly all carriers send, as _USUAL of `receipt` has it. */
static int read_text(const char *at, const char *end, Text *text)
{
    if (!takes(&at, end, "id:") || !run(&at, end, is_id, 1, PY_SSIZE_T_MAX, &text->id) || !takes(&at, end, " ")) return 0;
    if (takes(&at, end, "sub:") && (!run(&at, end, is_number, 1, 3, &text->sub) || !takes(&at, end, " "))) return 0;
    if (takes(&at, end, "dlvrd:") && (!run(&at, end, is_number, 1, 3, &text->dlvrd) || !takes(&at, end, " "))) return 0;
    if (!takes(&at, end, "submit date:") || !run(&at, end, is_number, 10, 14, &text->submit_date)) return 0;
    if (!takes(&at, end, " done date:") || !run(&at, end, is_number, 10, 14, &text->done_date)) return 0;
    if (!takes(&at, end, " stat:") || at == end || !is_upper(*at)) return 0;
    if (!run(&at, end, is_stat, 1, PY_SSIZE_T_MAX, &text->stat)) return 0;
    if (takes(&at, end, " err:") && !run(&at, end, is_err, 1, PY_SSIZE_T_MAX, &text->err)) return 0;
    if (takes(&at, end, " text:") || takes(&at, end, " Text:")) {
        text->text.begin = at;
        text->text.end = at = end;
    }
    return at == end;
}

/* What its TLVs say. 0 where they are broken or say what only the twin weighs: a network's code, an id within padding. */
static int read_tlvs(const Sm *sm, Run *id, int *message_state)
{
    const char *at = PyBytes_AS_STRING(sm->raw) + tlvs_at(sm), *end = PyBytes_AS_STRING(sm->raw) + PyBytes_GET_SIZE(sm->raw);
    while (end - at >= 4) {
        uint32_t tag = read_16((const uint8_t *)at), length = read_16((const uint8_t *)at + 2);
        at += 4;
        if (length > (size_t)(end - at)) return 0;
        if (tag == NETWORK_ERROR_CODE) return 0;
        if (tag == MESSAGE_STATE && length == 1) *message_state = (uint8_t)*at;
        if (tag == RECEIPTED_MESSAGE_ID && length && id->begin == NULL) {
            const char *nul = memchr(at, 0, length), *stop = nul != NULL ? nul : at + length;
            if (stop == at || is_padding(*at) || is_padding(stop[-1])) return 0;
            *id = (Run){at, stop};
        }
        at += length;
    }
    return at == end;
}

static PyObject *string(Run found)
{
    if (found.begin == NULL) return Py_NewRef(Py_None);
    return PyUnicode_DecodeLatin1(found.begin, found.end - found.begin, NULL);
}

static PyObject *number(Run found)
{
    if (found.begin == NULL) return Py_NewRef(Py_None);
    long value = 0;
    for (const char *at = found.begin; at < found.end; at++) value = value * 10 + (*at - '0');
    return PyLong_FromLong(value);
}

static PyObject *stripped(Run found)
{
    while (found.begin < found.end && is_padding(*found.begin)) found.begin++;
    while (found.begin < found.end && is_padding(found.end[-1])) found.end--;
    return string(found);
}

static PyObject *date(PyObject *parse_date, Run found)
{
    PyObject *digits = string(found);
    if (digits == NULL) return NULL;
    PyObject *result = PyObject_CallOneArg(parse_date, digits);
    Py_DECREF(digits);
    return result;
}

/* The TLV's state where it is one that is known, else what the word stands for. NULL, without an exception: nobody knows. */
static PyObject *state_of(PyObject *parser, PyObject *stat, int message_state)
{
    PyObject *told = PyDict_GetItemWithError(PyTuple_GET_ITEM(parser, STATES), stat); /* borrowed */
    if (told == NULL || message_state < 0) return Py_XNewRef(told);
    PyObject *state = PyLong_FromLong(message_state);
    int is_known = state == NULL ? -1 : PyDict_Contains(PyTuple_GET_ITEM(parser, STAT_WORDS), state);
    if (is_known == 1) return state;
    Py_XDECREF(state);
    return is_known < 0 ? NULL : Py_NewRef(told);
}

static PyObject *made_receipt(PyObject *parser, PyObject *stat, PyObject *state, const Text *text, int is_intermediate)
{
    PyTypeObject *type = (PyTypeObject *)PyTuple_GET_ITEM(parser, RECEIPT);
    PyObject *parse_date = PyTuple_GET_ITEM(parser, PARSE_DATE);
    int is_final = PySet_Contains(PyTuple_GET_ITEM(parser, FINAL_STATES), state);
    if (is_final < 0) return NULL;
    if (is_intermediate && PyLong_AsLong(state) != DELIVERED) is_final = 0; /* a delivery is the end all the same */
    PyObject *fields[RECEIPT_FIELDS] = {
        string(text->id), Py_NewRef(stat), Py_NewRef(state), string(text->err), number(text->sub), number(text->dlvrd),
        NULL, NULL, stripped(text->text), PyBool_FromLong(is_final), PyBool_FromLong(is_intermediate),
    };
    fields[R_SUBMIT] = date(parse_date, text->submit_date);
    if (fields[R_SUBMIT] != NULL) fields[R_DONE] = date(parse_date, text->done_date);
    PyObject *receipt = PyErr_Occurred() ? NULL : type->tp_alloc(type, RECEIPT_FIELDS); /* a NamedTuple: a tuple's items */
    for (Py_ssize_t place = 0; place < RECEIPT_FIELDS; place++) {
        if (receipt != NULL) PyTuple_SET_ITEM(receipt, place, fields[place]);
        else Py_XDECREF(fields[place]);
    }
    return receipt;
}

/* The usual receipt; NULL without an exception where it is another. */
static PyObject *usual_receipt(PyObject *parser, const Sm *sm, int esm)
{
    Text text = {0};
    Run tlv_id = {0};
    int message_state = -1;
    const char *octets = PyBytes_AS_STRING(sm->raw), *begin = octets + sm->message_at;
    int data_coding = (uint8_t)octets[sm->ends[VALIDITY] + 3];
    if ((data_coding != 0 && data_coding != 1 && data_coding != 3) || esm & ESM_UDHI || !sm->sm_length) return NULL;
    if (!read_tlvs(sm, &tlv_id, &message_state) || !read_text(begin, begin + sm->sm_length, &text)) return NULL;
    if (tlv_id.begin != NULL) text.id = tlv_id;
    PyObject *stat = string(text.stat);
    PyObject *state = stat == NULL ? NULL : state_of(parser, stat, message_state);
    PyObject *receipt = state == NULL ? NULL : made_receipt(parser, stat, state, &text, (esm & ESM_INTERMEDIATE) != 0);
    Py_XDECREF(stat);
    Py_XDECREF(state);
    return receipt;
}

PyDoc_STRVAR(parse_receipt_doc,
    "parse_receipt(view) -> Receipt | None\n\nRead a deliver_sm or data_sm as a receipt; None when it isn't one.");

static PyObject *parse_receipt(PyObject *parser, PyObject *view)
{
    if ((PyObject *)Py_TYPE(view) == PyTuple_GET_ITEM(parser, VIEW)) {
        const Sm *sm = (Sm *)view;
        int esm = esm_class(sm);
        int is_marked = (esm & (ESM_RECEIPT | ESM_INTERMEDIATE)) != 0;
        if (!is_marked && tlvs_at(sm) == PyBytes_GET_SIZE(sm->raw)) Py_RETURN_NONE;
        PyObject *receipt = is_marked ? usual_receipt(parser, sm, esm) : NULL;
        if (receipt != NULL || PyErr_Occurred()) return receipt;
    }
    return PyObject_CallOneArg(PyTuple_GET_ITEM(parser, TWIN), view);
}

static PyMethodDef parse_receipt_def = {"parse_receipt", parse_receipt, METH_O, parse_receipt_doc};

PyDoc_STRVAR(receipt_parser_doc,
    "receipt_parser(twin, Sm, Receipt, states, stat_words, final_states, parse_date)\n\n"
    "A parse_receipt that reads the usual receipt by itself and gives all else to its twin.");

static PyObject *receipt_parser(PyObject *module, PyObject *parts)
{
    PyObject *view = PyObject_GetAttrString(module, "Sm");
    int is_fit = view != NULL && PyTuple_GET_SIZE(parts) == PARSER_PARTS && PyTuple_GET_ITEM(parts, VIEW) == view &&
                 PyType_Check(PyTuple_GET_ITEM(parts, RECEIPT)) &&
                 PyType_IsSubtype((PyTypeObject *)PyTuple_GET_ITEM(parts, RECEIPT), &PyTuple_Type) &&
                 PyDict_Check(PyTuple_GET_ITEM(parts, STATES)) && PyDict_Check(PyTuple_GET_ITEM(parts, STAT_WORDS)) &&
                 PyAnySet_Check(PyTuple_GET_ITEM(parts, FINAL_STATES));
    Py_XDECREF(view);
    if (is_fit) return PyCFunction_New(&parse_receipt_def, parts);
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, receipt_parser_doc);
    return NULL;
}

/* -- building ------------------------------------------------------------------------------------------------------- */

/* 0, without an exception, where it is no number of that many bits. */
static int takes_number(PyObject *object, unsigned long most, uint32_t *number)
{
    if (!PyLong_Check(object)) return 0;
    unsigned long value = PyLong_AsUnsignedLong(object);
    if (value == (unsigned long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    *number = (uint32_t)value;
    return value <= most;
}

/* A C-string that fits `most` octets with its NUL. */
static int is_string(PyObject *object, Py_ssize_t most)
{
    return PyBytes_Check(object) && PyBytes_GET_SIZE(object) < most &&
           memchr(PyBytes_AS_STRING(object), 0, (size_t)PyBytes_GET_SIZE(object)) == NULL;
}

/* Octets whose length a header can tell, whatever stands before them. */
static int is_octets(PyObject *object) { return PyBytes_Check(object) && PyBytes_GET_SIZE(object) <= INT32_MAX; }

static uint8_t *put(uint8_t *at, PyObject *octets)
{
    size_t length = (size_t)PyBytes_GET_SIZE(octets);
    memcpy(at, PyBytes_AS_STRING(octets), length);
    return at + length;
}

static uint8_t *put_string(uint8_t *at, PyObject *octets)
{
    at = put(at, octets);
    *at = 0;
    return at + 1;
}

/* Octets of `length` with a header. */
static PyObject *new_pdu(Py_ssize_t length, uint32_t command_id, uint32_t command_status, uint32_t sequence_number)
{
    PyObject *pdu = PyBytes_FromStringAndSize(NULL, length);
    if (pdu == NULL) return NULL;
    uint8_t *octets = (uint8_t *)PyBytes_AS_STRING(pdu);
    write_32(octets, (uint32_t)length);
    write_32(octets + 4, command_id);
    write_32(octets + 8, command_status);
    write_32(octets + 12, sequence_number);
    return pdu;
}

static PyObject *with_header(PyObject *twin, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    uint32_t sequence_number, command_status = 0;
    if (names != NULL || count < 2 || count > 3 || !PyBytes_Check(arguments[0]) || PyBytes_GET_SIZE(arguments[0]) < HEADER ||
        !takes_number(arguments[1], UINT32_MAX, &sequence_number) ||
        (count == 3 && !takes_number(arguments[2], UINT32_MAX, &command_status)))
        return PyObject_Vectorcall(twin, arguments, (size_t)count, names);
    PyObject *pdu = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(arguments[0]));
    if (pdu == NULL) return NULL;
    uint8_t *octets = (uint8_t *)PyBytes_AS_STRING(pdu);
    put(octets, arguments[0]);
    write_32(octets + 8, command_status);
    write_32(octets + 12, sequence_number);
    return pdu;
}

static PyObject *response(PyObject *twin, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    uint32_t command_id, command_status, sequence_number;
    PyObject *message_id = count > 3 && arguments[3] != Py_None ? arguments[3] : NULL;
    PyObject *tlvs = count > 4 ? arguments[4] : NULL;
    if (names != NULL || count < 3 || count > 5 || !takes_number(arguments[0], UINT32_MAX, &command_id) ||
        !takes_number(arguments[1], UINT32_MAX, &command_status) ||
        !takes_number(arguments[2], UINT32_MAX, &sequence_number) ||
        (message_id != NULL && !is_string(message_id, MESSAGE_ID_OCTETS)) || (tlvs != NULL && !is_octets(tlvs)))
        return PyObject_Vectorcall(twin, arguments, (size_t)count, names);
    Py_ssize_t length = HEADER + (message_id != NULL ? PyBytes_GET_SIZE(message_id) + 1 : 0);
    if (tlvs != NULL) length += PyBytes_GET_SIZE(tlvs);
    PyObject *pdu = new_pdu(length, command_id | RESPONSE_BIT, command_status, sequence_number);
    if (pdu == NULL) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AS_STRING(pdu) + HEADER;
    if (message_id != NULL) at = put_string(at, message_id);
    if (tlvs != NULL) put(at, tlvs);
    return pdu;
}

static PyObject *accepted(PyObject *twin, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    uint32_t command_id, sequence_number;
    if (names != NULL || count != 3 || !takes_number(arguments[0], UINT32_MAX, &command_id) ||
        !takes_number(arguments[1], UINT32_MAX, &sequence_number) || !is_octets(arguments[2]))
        return PyObject_Vectorcall(twin, arguments, (size_t)count, names);
    Py_ssize_t length = HEADER + PyBytes_GET_SIZE(arguments[2]) + 1;
    PyObject *pdu = new_pdu(length, command_id | RESPONSE_BIT, 0, sequence_number);
    if (pdu != NULL) put_string((uint8_t *)PyBytes_AS_STRING(pdu) + HEADER, arguments[2]);
    return pdu;
}

/* Behind the C-string that begins at `at`; NULL where it has no end. */
static const char *behind_string(const char *at, const char *end)
{
    const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    return nul == NULL ? NULL : nul + 1;
}

static PyObject *addresses_of(PyObject *twin, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    if (names == NULL && count == 1 && PyBytes_Check(arguments[0]) && PyBytes_GET_SIZE(arguments[0]) > HEADER) {
        const char *octets = PyBytes_AS_STRING(arguments[0]), *end = octets + PyBytes_GET_SIZE(arguments[0]);
        const char *source = behind_string(octets + HEADER, end);
        const char *destination = source != NULL && end - source > 2 ? behind_string(source + 2, end) : NULL;
        const char *stop = destination != NULL && end - destination > 2 ? behind_string(destination + 2, end) : NULL;
        if (stop != NULL) return Py_BuildValue("y#y#", source, destination - source, destination, stop - destination);
    }
    return PyObject_Vectorcall(twin, arguments, (size_t)count, names);
}

static PyObject *receipt_sm(PyObject *twin, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    /* protocol_id, priority_flag, two empty times, four octets that are 0. */
    static const uint8_t NOTHING[8] = {0};
    enum { WITH_SOURCE = 1, WITH_DESTINATION, WITH_TEXT, WITH_TLVS, ALL };
    uint32_t sequence_number;
    int is_fit = names == NULL && count == ALL && takes_number(arguments[0], UINT32_MAX, &sequence_number);
    for (int place = WITH_SOURCE; is_fit && place < ALL; place++) is_fit = is_octets(arguments[place]);
    if (!is_fit || PyBytes_GET_SIZE(arguments[WITH_SOURCE]) > 2 + ADDRESS_OCTETS ||
        PyBytes_GET_SIZE(arguments[WITH_DESTINATION]) > 2 + ADDRESS_OCTETS ||
        PyBytes_GET_SIZE(arguments[WITH_TEXT]) > MAX_SHORT_MESSAGE)
        return PyObject_Vectorcall(twin, arguments, (size_t)count, names);
    Py_ssize_t length = HEADER + 1 + 1 + sizeof NOTHING + 1; /* service_type, esm_class and sm_length beside them */
    for (int place = WITH_SOURCE; place < ALL; place++) length += PyBytes_GET_SIZE(arguments[place]);
    PyObject *pdu = new_pdu(length, DELIVER_SM, 0, sequence_number);
    if (pdu == NULL) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AS_STRING(pdu) + HEADER;
    *at++ = 0;
    at = put(put(at, arguments[WITH_SOURCE]), arguments[WITH_DESTINATION]);
    *at++ = ESM_RECEIPT;
    memcpy(at, NOTHING, sizeof NOTHING);
    at += sizeof NOTHING;
    *at++ = (uint8_t)PyBytes_GET_SIZE(arguments[WITH_TEXT]);
    put(put(at, arguments[WITH_TEXT]), arguments[WITH_TLVS]);
    return pdu;
}

/* The fields of a message by name, in the order in which they are built. */
enum {
    F_SERVICE, F_SOURCE_TON, F_SOURCE_NPI, F_SOURCE, F_DEST_TON, F_DEST_NPI, F_DEST, F_ESM_CLASS, F_PROTOCOL, F_PRIORITY,
    F_SCHEDULE, F_VALIDITY, F_REGISTERED, F_REPLACE, F_CODING, F_DEFAULT, F_MESSAGE, F_TLVS, FIELDS
};
/* A string's greatest octets with its NUL; 0 for a number, 1 for octets. */
static const uint8_t SIZES[FIELDS] = {
    SERVICE_TYPE_OCTETS, 0, 0, ADDRESS_OCTETS, 0, 0, ADDRESS_OCTETS, 0, 0, 0,
    TIME_OCTETS, TIME_OCTETS, 0, 0, 0, 0, 1, 1
};
static const int IS_NEEDED[] = {F_SOURCE, F_DEST, F_MESSAGE};
/* What `submit_sm` is made of. */
enum { B_TWIN, B_COMMAND_ID, B_NAMES, BUILDER_PARTS };

static int place_of(PyObject *names, PyObject *name)
{
    for (int place = 0; place < FIELDS; place++)
        if (PyTuple_GET_ITEM(names, place) == name) return place; /* names in code are interned */
    return -1;
}

/* Fills in what was given by name; 0 where a field does not fit or is not known, or one that is needed is missing. */
static int read_fields(PyObject *names, PyObject *given, PyObject *const *values, PyObject **strings, uint8_t *numbers)
{
    Py_ssize_t count = given == NULL ? 0 : PyTuple_GET_SIZE(given);
    for (Py_ssize_t each = 0; each < count; each++) {
        int place = place_of(names, PyTuple_GET_ITEM(given, each));
        PyObject *value = values[each];
        uint32_t number;
        if (place < 0) return 0;
        if (SIZES[place] == 0) {
            if (!takes_number(value, 0xFF, &number)) return 0;
            numbers[place] = (uint8_t)number;
            continue;
        }
        if (SIZES[place] == 1 ? !is_octets(value) : !is_string(value, SIZES[place])) return 0;
        strings[place] = value;
    }
    for (size_t each = 0; each < sizeof IS_NEEDED / sizeof IS_NEEDED[0]; each++)
        if (strings[IS_NEEDED[each]] == NULL) return 0;
    return PyBytes_GET_SIZE(strings[F_MESSAGE]) <= MAX_SHORT_MESSAGE;
}

static PyObject *built_sm(uint32_t command_id, uint32_t sequence_number, PyObject *const *strings, const uint8_t *numbers)
{
    Py_ssize_t length = HEADER + 1; /* sm_length */
    for (int place = 0; place < FIELDS; place++) {
        if (SIZES[place] != 1) length++; /* a number, or the NUL */
        if (strings[place] != NULL) length += PyBytes_GET_SIZE(strings[place]);
    }
    PyObject *pdu = new_pdu(length, command_id, 0, sequence_number);
    if (pdu == NULL) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AS_STRING(pdu) + HEADER;
    for (int place = 0; place < FIELDS; place++) {
        if (place == F_MESSAGE) *at++ = (uint8_t)PyBytes_GET_SIZE(strings[F_MESSAGE]);
        if (strings[place] != NULL) at = put(at, strings[place]);
        if (SIZES[place] != 1) *at++ = numbers[place]; /* a string's is 0: its NUL */
    }
    return pdu;
}

static PyObject *build_sm(PyObject *parts, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    PyObject *strings[FIELDS] = {0};
    uint8_t numbers[FIELDS] = {0};
    uint32_t command_id, sequence_number;
    if (count != 1 || !takes_number(PyTuple_GET_ITEM(parts, B_COMMAND_ID), UINT32_MAX, &command_id) ||
        !takes_number(arguments[0], UINT32_MAX, &sequence_number) ||
        !read_fields(PyTuple_GET_ITEM(parts, B_NAMES), names, arguments + 1, strings, numbers))
        return PyObject_Vectorcall(PyTuple_GET_ITEM(parts, B_TWIN), arguments, (size_t)count, names);
    return built_sm(command_id, sequence_number, strings, numbers);
}

#define AS_FUNCTION(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

static PyMethodDef build_sm_def = {"message", AS_FUNCTION(build_sm), "As pdu.submit_sm and pdu.deliver_sm."};

static PyMethodDef over_defs[] = {
    {"accepted", AS_FUNCTION(accepted), "accepted(command_id, sequence_number, message_id) -> bytes; see pdu."},
    {"addresses_of", AS_FUNCTION(addresses_of), "addresses_of(raw) -> tuple[bytes, bytes]; see pdu."},
    {"receipt_sm", AS_FUNCTION(receipt_sm),
     "receipt_sm(sequence_number, source, destination, text, tlvs) -> bytes; see pdu."},
    {"with_header", AS_FUNCTION(with_header), "with_header(raw, sequence_number, command_status=0) -> bytes; see pdu."},
    {"response", AS_FUNCTION(response),
     "response(command_id, command_status, sequence_number, message_id=None, tlvs=b'') -> bytes; see pdu."},
    {NULL},
};

PyDoc_STRVAR(over_doc, "over(twin)\n\nThe function of the twin's name, which gives what does not fit to the twin.");

static PyObject *over(PyObject *module, PyObject *twin)
{
    PyObject *name = PyObject_GetAttrString(twin, "__name__");
    if (name == NULL) return NULL;
    PyObject *function = NULL;
    for (PyMethodDef *each = over_defs; each->ml_name != NULL; each++)
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, each->ml_name) == 0)
            function = PyCFunction_New(each, twin);
    if (function == NULL && !PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "nothing here is named %R", name);
    Py_DECREF(name);
    return function;
}

PyDoc_STRVAR(sm_builder_doc,
    "sm_builder(twin, command_id, names)\n\n"
    "A builder of messages from fields by name; names: of all fields in their order, then short_message and tlvs.");

static PyObject *sm_builder(PyObject *module, PyObject *parts)
{
    if (PyTuple_GET_SIZE(parts) == BUILDER_PARTS && PyTuple_Check(PyTuple_GET_ITEM(parts, B_NAMES)) &&
        PyTuple_GET_SIZE(PyTuple_GET_ITEM(parts, B_NAMES)) == FIELDS)
        return PyCFunction_New(&build_sm_def, parts);
    PyErr_SetString(PyExc_TypeError, sm_builder_doc);
    return NULL;
}

/* -- the module ----------------------------------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"prepare", prepare, METH_VARARGS, prepare_doc},
    {"receipt_parser", receipt_parser, METH_VARARGS, receipt_parser_doc},
    {"over", over, METH_O, over_doc},
    {"sm_builder", sm_builder, METH_VARARGS, sm_builder_doc},
    {NULL},
};

static int begin(PyObject *module)
{
    const char *pure = getenv("SMSGW_PURE");
    if (pure != NULL && *pure != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "SMSGW_PURE is set");
        return -1;
    }
    PyObject *type = PyType_FromModuleAndSpec(module, &sm_spec, NULL);
    if (type == NULL) return -1;
    ((PyTypeObject *)type)->tp_vectorcall = sm_vectorcall;
    int status = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return status;
}

static int visit_state(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->twin);
    Py_VISIT(state->parse_tlvs);
    Py_VISIT(state->no_tlvs);
    return 0;
}

static int clear_state(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->twin);
    Py_CLEAR(state->parse_tlvs);
    Py_CLEAR(state->no_tlvs);
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_wire", "What every message costs on the wire, compiled.", sizeof(State), functions, slots,
    visit_state, clear_state, NULL,
};

PyMODINIT_FUNC PyInit__wire(void) { return PyModuleDef_Init(&definition); }
