# cython: language_level=3
"""A column of values, a fixed distance apart on the wire, to one in memory: the loops that most octets go through."""

from libc.stdint cimport uint8_t

from flowparse._wire cimport be16

ctypedef const uint8_t* Wire

cdef extern from *:
    """
    /* A value at `src` and every `stride` octets on, n of them, to as many places at `dst`; four at a time from one
       address, so that most cost a load, a swap and a store. What a compiler would unroll counts the address for each,
       and takes those that are over one by one; sets have few records. */
    #if defined(__GNUC__) && !defined(__clang__)
    #define FP_AS_IT_STANDS _Pragma("GCC unroll 1")
    #else
    #define FP_AS_IT_STANDS
    #endif
    #define FP_EACH(name, type, load) \\
    static inline void name(const uint8_t *src, ptrdiff_t stride, ptrdiff_t n, uint8_t *dst) { \\
        const ptrdiff_t three = 3 * stride; \\
        type *to = (type *) dst; \\
        type *const end = to + (n & ~(ptrdiff_t) 3); \\
        FP_AS_IT_STANDS \\
        while (to != end) { \\
            to[0] = load(src); \\
            to[1] = load(src + stride); \\
            to[2] = load(src + 2 * stride); \\
            to[3] = load(src + three); \\
            src += 4 * stride; \\
            to += 4; \\
        } \\
        if (n & 2) { \\
            to[0] = load(src); \\
            to[1] = load(src + stride); \\
            src += 2 * stride; \\
            to += 2; \\
        } \\
        if (n & 1) to[0] = load(src); \\
    }
    static inline uint8_t fp_be8(const uint8_t *p) { return p[0]; }
    static inline uint32_t fp_be24(const uint8_t *p) { return (uint32_t)fp_be16(p) << 8 | p[2]; }
    static inline uint64_t fp_be48(const uint8_t *p) { return (uint64_t)fp_be32(p) << 16 | fp_be16(p + 4); }
    FP_EACH(fp_each_copy_8, uint8_t, fp_be8)
    FP_EACH(fp_each_copy_16, uint16_t, fp_be16)
    FP_EACH(fp_each_copy_32, uint32_t, fp_be32)
    FP_EACH(fp_each_copy_64, uint64_t, fp_be64)
    FP_EACH(fp_each_widen_8_16, uint16_t, fp_be8)
    FP_EACH(fp_each_widen_8_32, uint32_t, fp_be8)
    FP_EACH(fp_each_widen_8_64, uint64_t, fp_be8)
    FP_EACH(fp_each_widen_16_32, uint32_t, fp_be16)
    FP_EACH(fp_each_widen_16_64, uint64_t, fp_be16)
    FP_EACH(fp_each_widen_32_64, uint64_t, fp_be32)
    FP_EACH(fp_each_widen_24_32, uint32_t, fp_be24)
    FP_EACH(fp_each_widen_24_64, uint64_t, fp_be24)
    FP_EACH(fp_each_widen_48_64, uint64_t, fp_be48)
    """
    void each_copy_8 "fp_each_copy_8"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_copy_16 "fp_each_copy_16"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_copy_32 "fp_each_copy_32"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_copy_64 "fp_each_copy_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_8_16 "fp_each_widen_8_16"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_8_32 "fp_each_widen_8_32"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_8_64 "fp_each_widen_8_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_16_32 "fp_each_widen_16_32"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_16_64 "fp_each_widen_16_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_32_64 "fp_each_widen_32_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_24_32 "fp_each_widen_24_32"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_24_64 "fp_each_widen_24_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
    void each_widen_48_64 "fp_each_widen_48_64"(Wire src, Py_ssize_t stride, Py_ssize_t n, uint8_t* dst) noexcept nogil
