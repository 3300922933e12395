# cython: boundscheck=False, wraparound=False
"""Finish steps: what only several columns together can tell, settled once for a whole part.

They run when a part is sealed, while its slab is in the cache. A validity bitmap is written only for
a column that has both nulls and values; one that is null throughout points at octets that all null
columns share. Each step gets a part with rows and the columns that its layout names, of the widths
that plan.py pairs them with.
"""

from libc.stdint cimport uint16_t

from flowparse._finish_flow cimport (
    all_ones_is_null, application_of_octets, boolean, empty_is_null, etype_of_address, etype_of_version, flagged,
    icmp_from_port, icmp_split, list_of_numbers, narrow_16, narrow_32, narrow_8, net_is_ipv4, net_is_ipv6,
    net_of_family, not_icmp, not_icmpv6, number_16, number_32, number_64, number_8, only_icmp, only_icmpv6,
    other_direction, pick_by_etype, pick_by_version, pick_icmpv6, pick_nonzero, word_split, zero_is_null,
)
from flowparse._finish_sections cimport (
    frame_section, ip_section, mpls_section, no_sections, of_section, payload_section,
)
from flowparse._finish_times cimport (
    add_ms, add_us, less_ms, less_us, milliseconds, no_time, rate_of_interval, rate_of_population,
    rate_of_probability, rates, since_init_of_record, time_order,
)

from flowparse._layout import FINISH as _FINISH

ctypedef void (*FinishKernel)(Part*, const uint16_t*) noexcept nogil
# In the order of _layout.COLUMNS_OF_FINISH.
cdef FinishKernel[49] FINISH_KERNELS = [
    icmp_split, time_order, zero_is_null, boolean, milliseconds, no_time, pick_nonzero, pick_by_version,
    pick_by_etype, net_of_family, net_is_ipv4, net_is_ipv6, etype_of_version, etype_of_address, word_split,
    pick_icmpv6, only_icmp, not_icmp, icmp_from_port, since_init_of_record, add_ms, add_us, less_ms, less_us,
    narrow_8, narrow_16, narrow_32, number_8, number_16, number_32, number_64, application_of_octets,
    all_ones_is_null, rate_of_interval, rate_of_population, rate_of_probability, rates, empty_is_null,
    flagged, only_icmpv6, not_icmpv6, list_of_numbers, no_sections, frame_section, ip_section, mpls_section,
    payload_section, of_section, other_direction,
]
if len(_FINISH) != 49:
    raise ImportError("finish steps and their names are not of one build")


cdef void run_finish_steps(Part* part) noexcept nogil:
    """Run the steps of the part's layout, in order."""
    cdef int i
    for i in range(part.shape.n_finish):
        FINISH_KERNELS[part.shape.finish[i].kind](part, part.shape.finish[i].columns)
