/* msgpack of plain values, in C: what msgpack.Packer writes, in a third of its time. Optional: ``msgpacked`` asks the
 * Packer where this was not compiled or where SMSGW_PURE is set, and for every value that this does not know.
 *
 * ``pack`` gives None for what it does not know (a type, a number of more than 64 bits, a lone surrogate, too deep a nest):
 * it raises for lack of memory only. No Python code runs meanwhile, so nothing that is read can change under it. The octets
 * grow in a buffer that is on the stack up to STACK_OCTETS and else from PyMem; no length of an argument is trusted to fit.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STACK_OCTETS 4096
#define DEEPEST 32

typedef struct {
    uint8_t *octets;
    size_t used, room;
    int has_bin; /* whether octets are told from text; else both are raw, as the old msgpack has them */
    uint8_t near[STACK_OCTETS];
} Buffer;

enum { OK, UNKNOWN, NO_MEMORY };

static int grow(Buffer *buffer, size_t more)
{
    if (more > PY_SSIZE_T_MAX / 4 || buffer->room > PY_SSIZE_T_MAX / 4) return NO_MEMORY;
    size_t room = buffer->room * 2 + more;
    int was_near = buffer->octets == buffer->near;
    uint8_t *octets = PyMem_Realloc(was_near ? NULL : buffer->octets, room);
    if (octets == NULL) return NO_MEMORY;
    if (was_near) memcpy(octets, buffer->near, buffer->used);
    buffer->octets = octets;
    buffer->room = room;
    return OK;
}

/* Where `more` octets may be written. */
static inline uint8_t *room_for(Buffer *buffer, size_t more)
{
    if (more > buffer->room - buffer->used && grow(buffer, more) != OK) return NULL;
    uint8_t *here = buffer->octets + buffer->used;
    buffer->used += more;
    return here;
}

/* A type octet, and a number behind it in so many octets, the highest first. */
static int put_number(Buffer *buffer, uint8_t type, uint64_t number, int octets)
{
    uint8_t *here = room_for(buffer, 1 + octets);
    if (here == NULL) return NO_MEMORY;
    *here++ = type;
    for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) *here++ = (uint8_t)(number >> shift);
    return OK;
}

static int put_octet(Buffer *buffer, uint8_t octet) { return put_number(buffer, octet, 0, 0); }

static int put_positive(Buffer *buffer, uint64_t number)
{
    if (number < 0x80) return put_octet(buffer, (uint8_t)number);
    if (number <= 0xFF) return put_number(buffer, 0xCC, number, 1);
    if (number <= 0xFFFF) return put_number(buffer, 0xCD, number, 2);
    if (number <= 0xFFFFFFFF) return put_number(buffer, 0xCE, number, 4);
    return put_number(buffer, 0xCF, number, 8);
}

static int put_negative(Buffer *buffer, int64_t number)
{
    if (number >= -32) return put_octet(buffer, (uint8_t)number);
    if (number >= INT8_MIN) return put_number(buffer, 0xD0, (uint64_t)number, 1);
    if (number >= INT16_MIN) return put_number(buffer, 0xD1, (uint64_t)number, 2);
    if (number >= INT32_MIN) return put_number(buffer, 0xD2, (uint64_t)number, 4);
    return put_number(buffer, 0xD3, (uint64_t)number, 8);
}

static int put_int(Buffer *buffer, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) return number < 0 ? put_negative(buffer, number) : put_positive(buffer, (uint64_t)number);
    if (overflow < 0) return UNKNOWN;
    unsigned long long large = PyLong_AsUnsignedLongLong(value);
    if (large == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return UNKNOWN;
    }
    return put_positive(buffer, large);
}

static int put_float(Buffer *buffer, PyObject *value)
{
    double number = PyFloat_AS_DOUBLE(value);
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return put_number(buffer, 0xCB, bits, 8);
}

/* How many things follow, for arrays (`few` 0x90, `many` 0xDC) and maps (0x80, 0xDE). */
static int put_count(Buffer *buffer, uint8_t few, uint8_t many, Py_ssize_t count)
{
    if (count < 16) return put_octet(buffer, few | (uint8_t)count);
    if (count <= 0xFFFF) return put_number(buffer, many, (uint64_t)count, 2);
    return (uint64_t)count <= 0xFFFFFFFF ? put_number(buffer, many + 1, (uint64_t)count, 4) : UNKNOWN;
}

static int put_raw(Buffer *buffer, const char *octets, Py_ssize_t length, int is_text)
{
    int status;
    uint64_t count = (uint64_t)length;
    if (count > 0xFFFFFFFF) return UNKNOWN;
    int is_bin = buffer->has_bin && !is_text;
    if (is_bin && count <= 0xFF) status = put_number(buffer, 0xC4, count, 1);
    else if (is_bin) status = count <= 0xFFFF ? put_number(buffer, 0xC5, count, 2) : put_number(buffer, 0xC6, count, 4);
    else if (count < 32) status = put_octet(buffer, 0xA0 | (uint8_t)count);
    else if (buffer->has_bin && count <= 0xFF) status = put_number(buffer, 0xD9, count, 1);
    else if (count <= 0xFFFF) status = put_number(buffer, 0xDA, count, 2);
    else status = put_number(buffer, 0xDB, count, 4);
    if (status != OK) return status;
    uint8_t *here = room_for(buffer, (size_t)length);
    if (here == NULL) return NO_MEMORY;
    memcpy(here, octets, (size_t)length);
    return OK;
}

static int put_text(Buffer *buffer, PyObject *value)
{
    Py_ssize_t length;
    const char *octets = PyUnicode_AsUTF8AndSize(value, &length);
    if (octets != NULL) return put_raw(buffer, octets, length, 1);
    int status = PyErr_ExceptionMatches(PyExc_MemoryError) ? NO_MEMORY : UNKNOWN;
    PyErr_Clear();
    return status;
}

static int put(Buffer *buffer, PyObject *value, int depth);

static int put_map(Buffer *buffer, PyObject *value, int depth)
{
    int status = put_count(buffer, 0x80, 0xDE, PyDict_GET_SIZE(value));
    PyObject *key, *item;
    Py_ssize_t place = 0;
    while (status == OK && PyDict_Next(value, &place, &key, &item)) {
        status = put(buffer, key, depth + 1);
        if (status == OK) status = put(buffer, item, depth + 1);
    }
    return status;
}

static int put(Buffer *buffer, PyObject *value, int depth)
{
    if (PyUnicode_CheckExact(value)) return put_text(buffer, value);
    if (PyLong_CheckExact(value)) return put_int(buffer, value);
    if (PyBytes_CheckExact(value)) return put_raw(buffer, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), 0);
    if (PyTuple_Check(value) || PyList_CheckExact(value)) { /* named tuples too */
        Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
        PyObject **items = PySequence_Fast_ITEMS(value);
        if (depth == DEEPEST) return UNKNOWN;
        int status = put_count(buffer, 0x90, 0xDC, count);
        for (Py_ssize_t place = 0; status == OK && place < count; place++) status = put(buffer, items[place], depth + 1);
        return status;
    }
    if (PyFloat_CheckExact(value)) return put_float(buffer, value);
    if (value == Py_None) return put_octet(buffer, 0xC0);
    if (value == Py_False || value == Py_True) return put_octet(buffer, value == Py_True ? 0xC3 : 0xC2);
    if (PyLong_Check(value)) return put_int(buffer, value); /* an IntEnum */
    if (PyUnicode_Check(value)) return put_text(buffer, value);
    if (PyDict_CheckExact(value) && depth < DEEPEST) return put_map(buffer, value, depth);
    return UNKNOWN;
}

static PyObject *packed(PyObject *value, int has_bin)
{
    Buffer buffer;
    buffer.octets = buffer.near;
    buffer.used = 0;
    buffer.room = STACK_OCTETS;
    buffer.has_bin = has_bin;
    int status = put(&buffer, value, 0);
    PyObject *result;
    if (status == OK) result = PyBytes_FromStringAndSize((const char *)buffer.octets, (Py_ssize_t)buffer.used);
    else result = status == UNKNOWN ? Py_NewRef(Py_None) : PyErr_NoMemory();
    if (buffer.octets != buffer.near) PyMem_Free(buffer.octets);
    return result;
}

PyDoc_STRVAR(pack_doc, "pack(value) -> bytes | None\n\nText and octets apart; None for what only the Packer knows.");
static PyObject *pack(PyObject *module, PyObject *value) { return packed(value, 1); }

PyDoc_STRVAR(pack_raw_doc, "pack_raw(value) -> bytes | None\n\nText and octets alike, as the old msgpack has them.");
static PyObject *pack_raw(PyObject *module, PyObject *value) { return packed(value, 0); }

static PyMethodDef functions[] = {
    {"pack", pack, METH_O, pack_doc},
    {"pack_raw", pack_raw, METH_O, pack_raw_doc},
    {NULL},
};

static int begin(PyObject *module)
{
    const char *pure = getenv("SMSGW_PURE");
    if (pure != NULL && *pure != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "SMSGW_PURE is set");
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, begin}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_msgpack", "msgpack of plain values, compiled.", 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__msgpack(void) { return PyModuleDef_Init(&definition); }
