// Perplexity of a text: exp of the mean of -log p(token | tokens before it), over windows (see TextWindows.h). The
// standard error is that of the mean, as if the tokens' surprises were independent, times the perplexity. Beside the
// model it was made from: how far the two distributions are apart.
#include "runtime/cpu/AvailableCpus.h"
#include "tools/Progress.h"
#include "tools/lathe/Divergence.h"
#include "tools/lathe/Eval.h"
#include "tools/lathe/TextWindows.h"
#include "tools/lathe/TokenBatch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

namespace lathe::tools {

namespace {

/// Of a window, where the model can take so many.
constexpr int64_t DefaultContext = 512;

/// Sums over the tokens that were scored.
struct Score {
  int64_t tokens = 0;
  double sum = 0, squares = 0; ///< of -log p

  void add(double surprise) {
    ++tokens;
    sum += surprise;
    squares += surprise * surprise;
  }
  double mean() const { return sum / double(tokens); }
  double perplexity() const { return std::exp(mean()); }
  double standardError() const {
    if (tokens < 2)
      return 0;
    double variance = std::max(0.0, squares / double(tokens) - mean() * mean()) * double(tokens) / double(tokens - 1);
    return perplexity() * std::sqrt(variance / double(tokens));
  }
};

/// What is known of a text's tokens so far.
struct Findings {
  Score model, source;
  Divergence divergence;
  std::vector<double> excess; ///< surprises of the model less those of the source, token by token
};

/// One model, and the texts that it reads.
struct Reader {
  Model model;
  Tokenizer tokenizer;
  TextWindows windows;
  TokenBatch batch;

  /// `path` is where the model is from.
  Reader(Model loaded, const std::string &path, const EvalArguments &eval)
      : model(checkKind(std::move(loaded), path)), tokenizer(tokenizerOf(model.program)),
        windows(eval.text, tokenizer, contextOf(model, eval), strideOf(model, eval)),
        batch(model, 1, contextOf(model, eval)) {}

  static Model checkKind(Model model, const std::string &path) {
    if (model.info().kind != LATHE_ENTRY_LANGUAGE_MODEL)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": is no language model, and only those have a perplexity");
    return model;
  }
  static int64_t contextOf(const Model &model, const EvalArguments &eval) {
    return eval.context ? eval.context : std::min(DefaultContext, TokenLimits(model).length);
  }
  static int64_t strideOf(const Model &model, const EvalArguments &eval) {
    int64_t context = contextOf(model, eval), stride = eval.stride ? eval.stride : std::max<int64_t>(1, context / 2);
    if (stride >= context)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, "--stride is " + std::to_string(stride) +
                                                       " but must be less than the " + std::to_string(context) +
                                                       " tokens of --context");
    return stride;
  }

  /// Reads tokens [begin, end) of a window; logits of those from `firstRow` on go to `rows`.
  void read(const TextWindows::Window &window, size_t begin, size_t end, float *rows) {
    size_t firstRow = std::max(window.firstRow, begin) - begin;
    batch.append({window.tokens.data() + begin, end - begin, firstRow}, rows);
  }
};

/// What both models gave for some tokens of a text.
struct Piece {
  const float *source = nullptr, *model = nullptr; ///< [rows, vocabulary]
  size_t rows = 0;
  std::vector<int32_t> next; ///< the token behind each row
  size_t place = 0;          ///< of the first of those in the text
  std::vector<float> sourceRoom, modelRoom;

  /// Room for logits, which is kept from piece to piece.
  static float *makeRoom(std::vector<float> &room, size_t count) {
    room.resize(std::max(room.size(), count));
    return room.data();
  }
};

/// -log of the probability that rows give to the tokens behind them, and how far two rows are apart.
struct PieceScores {
  std::vector<double> source, model;
  std::vector<RowDivergence> differences; ///< with a source
};

PieceScores scorePiece(runtime::ThreadPool &pool, const Piece &piece, size_t vocabulary, bool hasSource) {
  PieceScores scores;
  LogitRows model = {piece.model, piece.rows, vocabulary}, source = {piece.source, piece.rows, vocabulary};
  if (!hasSource)
    scores.model = logSumExp(pool, model);
  else
    for (const RowDivergence &row : scores.differences = compareRows(pool, source, model)) {
      scores.source.push_back(row.sourceSum);
      scores.model.push_back(row.modelSum);
    }
  for (size_t row = 0; row != piece.rows; ++row) {
    scores.model[row] -= double(model.row(row)[piece.next[row]]);
    if (hasSource)
      scores.source[row] -= double(source.row(row)[piece.next[row]]);
  }
  return scores;
}

/// Logits of the source, piece after piece: read, or kept from the first time that the text was read.
class SourceRows {
public:
  SourceRows(Reader &source, std::vector<float> &rows, bool isKept) : reader(source), kept(rows), hasRead(isKept) {
    constexpr size_t MostBytes = size_t(1) << 30;
    size_t bytes = reader.windows.rows() * vocabulary() * sizeof(float);
    if (!hasRead && bytes <= MostBytes)
      kept.resize(bytes / sizeof(float));
  }

  void startWindow() {
    if (!hasRead)
      reader.batch.clear();
  }
  const float *read(const TextWindows::Window &window, size_t begin, size_t end, Piece &piece) {
    size_t count = piece.rows * vocabulary();
    float *rows = kept.empty() ? Piece::makeRoom(piece.sourceRoom, count) : kept.data() + place;
    if (!hasRead)
      reader.read(window, begin, end, rows);
    place += count;
    return rows;
  }

private:
  size_t vocabulary() const { return size_t(reader.batch.vocabulary()); }

  Reader &reader;
  std::vector<float> &kept; ///< of the whole text, or empty
  bool hasRead;
  size_t place = 0; ///< in `kept`
};

/// Scores pieces in their order. Beside a GPU the host does so while the models read the next piece: there are two, one
/// of which the models fill.
class PieceScorer {
public:
  PieceScorer(const EvalArguments &eval, const Reader &reader, bool compares)
      : arguments(eval), vocabulary(size_t(reader.batch.vocabulary())), hasSource(compares),
        isBesideDevice(reader.model.ordinal >= 0),
        pool(eval.model.threads ? eval.model.threads : runtime::availableCpus()) {}

  Piece &toFill() { return pieces[turn]; }
  /// The piece has been filled.
  void add() {
    finish();
    scores = std::async(std::launch::async, scorePiece, std::ref(pool), std::cref(pieces[turn]), vocabulary, hasSource);
    turn = 1 - turn;
    if (!isBesideDevice)
      finish();
  }
  /// Waits for the last piece. Throws CommandFailure where a model gives no probability to a token.
  void finish() {
    if (!scores.valid())
      return;
    PieceScores found = scores.get();
    size_t place = pieces[1 - turn].place;
    for (size_t row = 0; row != found.model.size(); ++row) {
      findings.model.add(checkSurprise(arguments.model.model, found.model[row], place + row));
      if (!hasSource)
        continue;
      findings.source.add(checkSurprise(arguments.source, found.source[row], place + row));
      findings.divergence.add(found.differences[row]);
      findings.excess.push_back(found.model[row] - found.source[row]);
    }
  }

  Findings findings; ///< of the pieces that are done

private:
  static double checkSurprise(const std::string &model, double value, size_t place) {
    if (!std::isfinite(value))
      throw CommandFailure(LATHE_DEVICE_ERROR, model + ": gives no probability to token " + std::to_string(place) +
                                                   " of the text: its logits are not finite");
    return value;
  }

  const EvalArguments &arguments;
  size_t vocabulary;
  bool hasSource, isBesideDevice;
  runtime::ThreadPool pool;
  Piece pieces[2];
  int turn = 0;
  std::future<PieceScores> scores; ///< of the piece that is not to fill; waits for them when it goes
};

/// Both models read the window piece by piece, so that few rows of their logits are kept.
void readWindow(const TextWindows::Window &window, Reader &reader, SourceRows *source, PieceScorer &scorer) {
  constexpr size_t PieceBytes = 32 << 20; // of one model's logits
  size_t vocabulary = size_t(reader.batch.vocabulary());
  size_t mostRows = std::max<size_t>(1, PieceBytes / (vocabulary * sizeof(float)));
  size_t rows = window.tokens.size() - 1;
  reader.batch.clear();
  if (source)
    source->startWindow();
  for (size_t begin = 0, end; begin != rows; begin = end) {
    size_t firstRow = std::max(begin, window.firstRow);
    end = std::min(firstRow + mostRows, rows);
    Piece &piece = scorer.toFill();
    piece.rows = end - firstRow;
    float *logits = Piece::makeRoom(piece.modelRoom, piece.rows * vocabulary);
    reader.read(window, begin, end, logits);
    piece.model = logits;
    if (source)
      piece.source = source->read(window, begin, end, piece);
    piece.next.assign(window.tokens.begin() + std::ptrdiff_t(firstRow + 1),
                      window.tokens.begin() + std::ptrdiff_t(end + 1));
    piece.place = window.place + firstRow + 1;
    scorer.add();
  }
}

/// A model is compared with the one that it was made from, and no other.
void checkSource(const EvalArguments &arguments, const Reader &reader, const Reader &source) {
  if (reader.batch.vocabulary() != source.batch.vocabulary())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.source + ": has " + std::to_string(source.batch.vocabulary()) + " tokens but " +
                             arguments.model.model + " has " + std::to_string(reader.batch.vocabulary()) +
                             "; give the model that it was made from");
  if (reader.windows.tokens() != source.windows.tokens() ||
      reader.windows.get(0).tokens != source.windows.get(0).tokens)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.source + " and " + arguments.model.model +
                                                     " make other tokens or windows of " + arguments.text +
                                                     "; give the model that it was made from, and --context where they "
                                                     "were compiled for other lengths");
}

nlohmann::json describeSource(const EvalArguments &arguments, const Findings &findings) {
  std::array<double, 2> excess = bootstrapInterval(findings.excess);
  return {{"model", arguments.source},
          {"perplexity", findings.source.perplexity()},
          {"standard_error", findings.source.standardError()},
          {"ratio", std::exp(findings.model.mean() - findings.source.mean())},
          {"ratio_interval", {std::exp(excess[0]), std::exp(excess[1])}},
          {"divergence", findings.divergence.mean()},
          {"divergence_interval", bootstrapInterval(findings.divergence.all())},
          {"divergence_median", findings.divergence.quantile(0.5)},
          {"divergence_99", findings.divergence.quantile(0.99)},
          {"divergence_greatest", findings.divergence.quantile(1)},
          {"same_top", findings.divergence.sameTop()}};
}

} // namespace

struct TextSource::Reading {
  Reader reader;
  std::vector<float> rows; ///< logits of the whole text, once it has been read; empty where they are too many
  bool hasRows = false;
};

static ModelArguments nameSource(const EvalArguments &arguments) {
  ModelArguments other = arguments.model;
  other.model = arguments.source;
  return other;
}

TextSource::TextSource(const EvalArguments &arguments)
    : reading(new Reading{{loadModel(nameSource(arguments)), arguments.source, arguments}, {}}) {}

TextSource::~TextSource() = default;

nlohmann::json evaluateText(const EvalArguments &arguments, Model model, TextSource *from) {
  Reader reader(std::move(model), arguments.model.model, arguments);
  TextSource::Reading *reading = from ? from->reading.get() : nullptr;
  std::optional<SourceRows> source;
  if (reading) {
    checkSource(arguments, reader, reading->reader);
    source.emplace(reading->reader, reading->rows, reading->hasRows);
  }
  const TextWindows &windows = reader.windows;
  Progress progress("lathe", arguments.progress == "always" || (arguments.progress == "auto" && isatty(STDERR_FILENO)));
  PieceScorer scorer(arguments, reader, source.has_value());
  const Findings &findings = scorer.findings;
  size_t read = 0;
  auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i != windows.count(); ++i) {
    std::string step = "window " + std::to_string(i + 1) + " of " + std::to_string(windows.count());
    progress.start(findings.model.tokens ? step + ", perplexity " + std::to_string(findings.model.perplexity()) : step);
    TextWindows::Window window = windows.get(i);
    readWindow(window, reader, source ? &*source : nullptr, scorer);
    read += window.tokens.size() - 1;
  }
  scorer.finish();
  if (reading)
    reading->hasRows = !reading->rows.empty();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  nlohmann::json result = {{"perplexity", findings.model.perplexity()},
                           {"standard_error", findings.model.standardError()},
                           {"mean_surprise", findings.model.mean()},
                           {"tokens", findings.model.tokens},
                           {"tokens_read", read},
                           {"windows", windows.count()},
                           {"context", Reader::contextOf(reader.model, arguments)},
                           {"stride", Reader::strideOf(reader.model, arguments)},
                           {"seconds", seconds},
                           {"tokens_per_second", double(read) / seconds}};
  result["model"] = arguments.model.model;
  result["text"] = arguments.text;
  result["device"] = lathe_device_description(reader.model.device.get());
  if (source)
    result["source"] = describeSource(arguments, findings);
  return result;
}

void printTextEvaluation(const nlohmann::json &result) {
  std::printf("perplexity %.4f, standard error %.4f\n%lld tokens in %lld windows of %lld, one every %lld\n"
              "%.1f tokens/s\n",
              result["perplexity"].get<double>(), result["standard_error"].get<double>(),
              result["tokens"].get<long long>(), result["windows"].get<long long>(), result["context"].get<long long>(),
              result["stride"].get<long long>(), result["tokens_per_second"].get<double>());
  if (!result.contains("source"))
    return;
  const nlohmann::json &source = result["source"];
  auto number = [&](const nlohmann::json &value) { return value.get<double>(); };
  std::printf("source: perplexity %.4f; the model's is %.4f times that (95 %%: %.4f to %.4f)\n"
              "divergence %.6f nats a token (95 %%: %.6f to %.6f), median %.6f, 99 %% at most %.6f, greatest %.6f\n"
              "the likeliest token is the same for %.2f %%\n",
              number(source["perplexity"]), number(source["ratio"]), number(source["ratio_interval"][0]),
              number(source["ratio_interval"][1]), number(source["divergence"]),
              number(source["divergence_interval"][0]), number(source["divergence_interval"][1]),
              number(source["divergence_median"]), number(source["divergence_99"]),
              number(source["divergence_greatest"]), 100 * number(source["same_top"]));
}

} // namespace lathe::tools
