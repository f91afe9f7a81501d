// How long ranks take to exchange data: a start for each doubling of ranks, and bytes over a rate (the model of
// Hockney, alpha + n beta, over the trees and rings of Thakur, Rabenseifner and Gropp, 2005).
#ifndef LATHE_COMPILER_REPORT_COLLECTIVES_H
#define LATHE_COMPILER_REPORT_COLLECTIVES_H

#include "compiler/report/Machine.h"

namespace lathe::report {

/// Bytes that each of `ranks` sends, over rings. `bytes` are those of the operand of all_reduce and reduce_scatter, and
/// of the result of all_gather: all that ranks have together.
double countSent(const std::string &operation, double bytes, int64_t ranks);

/// Seconds of a collective; nothing where the machine's links are not known. Ranks beyond the devices of a node add up
/// within nodes first, then each device with those of its place on other nodes what it has of the whole. Small sums
/// within a node go through kernels of the program where the machine's are known.
std::optional<double> predictCollective(const std::string &operation, double bytes, int64_t ranks,
                                        const Machine &machine);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_COLLECTIVES_H
