#include "compiler/targets/cuda/CloneRanges.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <limits>

using namespace llvm;
using namespace lathe::cuda;

namespace {
/// A count that stands for those around it.
struct Sample {
  int64_t Count;
  double Weight; ///< all of a doubling have 1 together, but for the first
};

class RangeChooser {
public:
  RangeChooser(int64_t min, int64_t max, ArrayRef<CloneTime> chips, bool leastAlone);
  std::vector<CloneRange> run();

private:
  int64_t getLeast(size_t begin) const { return begin == 0 ? Min : Ends[begin - 1] + 1; }
  /// What calls of a clone that serves from behind end `begin`, or all, up to end `last` lose, in shares of the time of
  /// a doubling; of samples within the given counts.
  double getLoss(size_t begin, size_t last, int64_t from, int64_t to) const;
  double getLoss(size_t begin, size_t last) const { return getLoss(begin, last, getLeast(begin), Ends[last]); }
  /// Whether the first clone may not go up to end `last`.
  bool keepsLeastApart(size_t last) const;
  std::string explain(size_t begin, size_t last, size_t next) const;

  int64_t Min;
  bool LeastAlone;
  ArrayRef<CloneTime> Chips;
  std::vector<int64_t> Ends; ///< where clones may end
  std::vector<Sample> Samples;
  /// Seconds by chip, first and last end, and sample; those of samples beyond the clone mean nothing.
  std::vector<std::vector<std::vector<std::vector<double>>>> Times;
  std::vector<std::vector<double>> Best; ///< by chip and sample
};
} // namespace

/// Two counts for each doubling, and the largest.
static std::vector<Sample> listSamples(int64_t min, int64_t max) {
  std::vector<Sample> samples;
  for (int64_t octave = 1; octave <= max; octave *= 2) {
    std::vector<int64_t> counts;
    for (int64_t count : {octave, octave + octave / 2})
      if (count >= min && count <= max && (counts.empty() || count > counts.back()))
        counts.push_back(count);
    for (int64_t count : counts)
      samples.push_back({count, 1.0 / double(counts.size())});
  }
  if (samples.empty() || samples.back().Count < max)
    samples.push_back({max, 1});
  samples.front().Weight = WorthOfLeast;
  return samples;
}

RangeChooser::RangeChooser(int64_t min, int64_t max, ArrayRef<CloneTime> chips, bool leastAlone)
    : Min(min), LeastAlone(leastAlone), Chips(chips), Samples(listSamples(min, max)) {
  for (int64_t end = 1; end < max; end *= 2)
    if (end >= min)
      Ends.push_back(end);
  Ends.push_back(max);
  Times.resize(chips.size());
  Best.assign(chips.size(), std::vector<double>(Samples.size(), std::numeric_limits<double>::infinity()));
  for (size_t chip = 0; chip < chips.size(); ++chip) {
    Times[chip].assign(Ends.size(), {Ends.size(), std::vector<double>(Samples.size())});
    for (size_t begin = 0; begin < Ends.size(); ++begin)
      for (size_t last = begin; last < Ends.size(); ++last)
        for (size_t i = 0; i < Samples.size(); ++i) {
          int64_t count = Samples[i].Count;
          if (count < getLeast(begin) || count > Ends[last])
            continue;
          double seconds = chips[chip](getLeast(begin), Ends[last], count);
          Times[chip][begin][last][i] = seconds;
          Best[chip][i] = std::min(Best[chip][i], seconds);
        }
  }
}

double RangeChooser::getLoss(size_t begin, size_t last, int64_t from, int64_t to) const {
  double loss = 0;
  for (size_t chip = 0; chip < Chips.size(); ++chip)
    for (size_t i = 0; i < Samples.size(); ++i)
      if (Samples[i].Count >= from && Samples[i].Count <= to)
        loss += Samples[i].Weight * (Times[chip][begin][last][i] / Best[chip][i] - 1) / double(Chips.size());
  return loss;
}

bool RangeChooser::keepsLeastApart(size_t last) const {
  return LeastAlone && last > 0 && Ends.front() == Samples.front().Count;
}

/// Why the clone from behind end `begin` up to end `last` does not serve those up to `next` as well.
std::string RangeChooser::explain(size_t begin, size_t last, size_t next) const {
  std::string text;
  for (size_t chip = 0; chip < Chips.size(); ++chip)
    text += formatv("{0}{1:F1}", chip ? " and " : "", Chips[chip](getLeast(begin), Ends[last], Ends[last]) * 1e6);
  text += formatv(" us of products predicted of {0}", Ends[last]);
  if (next == last)
    return text + "; no more are computed at once";
  double weight = 0;
  for (const Sample &sample : Samples)
    if (sample.Count >= getLeast(begin) && sample.Count <= Ends[last])
      weight += sample.Weight;
  double longer = getLoss(begin, next, getLeast(begin), Ends[last]) - getLoss(begin, last);
  return text +
         formatv("; in one clone with up to {0} these would take {1:F0} % longer", Ends[next], longer / weight * 100)
             .str();
}

std::vector<CloneRange> RangeChooser::run() {
  // Least[n][i]: of n clones that serve all up to end i - 1, and From[n][i] the first end of the last of them.
  size_t count = Ends.size(), most = std::min<size_t>(MostClones, count);
  const double none = std::numeric_limits<double>::infinity();
  std::vector<std::vector<double>> least(most + 1, std::vector<double>(count + 1, none));
  std::vector<std::vector<size_t>> from(most + 1, std::vector<size_t>(count + 1));
  least[0][0] = 0;
  for (size_t clones = 1; clones <= most; ++clones)
    for (size_t last = 0; last < count; ++last)
      for (size_t begin = 0; begin <= last; ++begin) {
        if (least[clones - 1][begin] == none || (begin == 0 && keepsLeastApart(last)))
          continue;
        double loss = least[clones - 1][begin] + getLoss(begin, last) + WorthOfClone;
        if (loss < least[clones][last + 1]) {
          least[clones][last + 1] = loss;
          from[clones][last + 1] = begin;
        }
      }
  size_t clones = 1;
  for (size_t more = 2; more <= most; ++more)
    if (least[more][count] < least[clones][count])
      clones = more;
  std::vector<size_t> begins; // last first
  for (size_t end = count; clones > 0; end = begins.back(), --clones)
    begins.push_back(from[clones][end]);
  std::reverse(begins.begin(), begins.end());
  std::vector<CloneRange> ranges;
  for (size_t i = 0; i < begins.size(); ++i) {
    auto lastOf = [&](size_t range) { return range + 1 < begins.size() ? begins[range + 1] - 1 : count - 1; };
    size_t next = i + 1 < begins.size() ? lastOf(i + 1) : lastOf(i);
    ranges.push_back({getLeast(begins[i]), Ends[lastOf(i)], explain(begins[i], lastOf(i), next)});
  }
  return ranges;
}

std::vector<CloneRange> lathe::cuda::chooseRanges(int64_t min, int64_t max, ArrayRef<CloneTime> chips,
                                                  bool leastAlone) {
  return RangeChooser(min, max, chips, leastAlone).run();
}
