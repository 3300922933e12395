"""Buffers that callers pass: octets, and arrays of integers.

`bytes` cost nothing to look at; anything else goes through the buffer protocol, contiguous and with
items of one octet. Typed memoryviews would take twice as long as decoding a record.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE


cdef int hold_buffer(object octets, Py_buffer* view) except -1:
    """Look at octets until the caller releases them; a TypeError where they are none."""
    try:
        PyObject_GetBuffer(octets, view, PyBUF_SIMPLE)
    except (BufferError, ValueError) as error:          # numpy raises the latter
        raise TypeError(f"octets are contiguous: {error}") from None
    except TypeError:
        if hasattr(octets, "read"):
            name = type(octets).__name__
            raise TypeError(f"octets are wanted, not the {name} itself: pass what its read() returns") from None
        raise
    return 0


cdef int hold_octets(object octets, Octets* held) except -1:
    """Look at octets until `let_go`; a TypeError where they are none."""
    held.held = False
    if PyBytes_CheckExact(octets):
        held.at = <const uint8_t*> PyBytes_AS_STRING(octets)
        held.length = PyBytes_GET_SIZE(octets)
        return 0
    hold_buffer(octets, &held.view)
    if held.view.itemsize != 1:
        PyBuffer_Release(&held.view)
        raise TypeError(f"octets are wanted, not items of {held.view.itemsize}")
    held.at = <const uint8_t*> held.view.buf
    held.length = held.view.len
    held.held = True
    return 0


cdef void let_go(Octets* held) noexcept:
    if held.held:
        held.held = False
        PyBuffer_Release(&held.view)


cdef bytes copy_octets(object octets):
    """Any octets as bytes; those that are bytes already as they are."""
    cdef Octets held
    if PyBytes_CheckExact(octets):
        return octets
    hold_octets(octets, &held)
    try:
        return PyBytes_FromStringAndSize(<const char*> held.at, held.length)
    finally:
        let_go(&held)


cdef int hold_integers(object integers, Py_buffer* view, int width, str name) except -1:
    """Look at a one-dimensional array of signed integers of `width` octets; the caller releases it."""
    try:
        PyObject_GetBuffer(integers, view, PyBUF_FORMAT | PyBUF_ND)
    except (BufferError, ValueError) as error:
        raise TypeError(f"{name} is contiguous: {error}") from None
    if view.itemsize != width or view.format == NULL or view.format[0] not in b"qli" or view.ndim != 1:
        PyBuffer_Release(view)
        raise TypeError(f"{name} is an array of int{8 * width}")
    return 0
