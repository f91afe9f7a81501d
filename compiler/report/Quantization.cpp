#include "compiler/report/Quantization.h"
#include "compiler/artifact/OutputFile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

namespace lathe::report {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t Columns = 8;
constexpr const char *Headings[Columns] = {"tensor",         "from",         "to", "shape", "bits", "mean square error",
                                           "relative error", "largest error"};
using Row = std::array<std::string, Columns>;

template <typename... Values> std::string format(const char *pattern, Values... values) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, values...);
  return text;
}

double countElements(const Json &tensor) {
  return std::accumulate(tensor["shape"].begin(), tensor["shape"].end(), 1.0,
                         [](double count, const Json &size) { return count * size.get<double>(); });
}

std::string joinShape(const Json &tensor) {
  std::string text;
  for (const Json &size : tensor["shape"])
    text += (text.empty() ? "" : "x") + std::to_string(size.get<int64_t>());
  return text;
}

/// The numbers of a tensor, or of all.
void addNumbers(Row &row, const Json &errors) {
  row[4] = format("%.3f", errors["bits"].get<double>());
  row[5] = format("%.3g", errors["mse"].get<double>());
  row[6] = format("%.3f %%", 100 * errors["relative_error"].get<double>());
  row[7] = format("%.3g", errors["max_error"].get<double>());
  if (errors.contains("not_finite"))
    row[7] += ", " + std::to_string(errors["not_finite"].get<int64_t>()) + " not finite";
}

std::vector<Row> makeRows(const Json &report) {
  std::vector<Row> rows;
  for (const Json &tensor : report["tensors"]) {
    Row &row = rows.emplace_back(Row{tensor["name"], tensor["from"], tensor["format"], joinShape(tensor)});
    addNumbers(row, tensor);
  }
  Row &total = rows.emplace_back(Row{"all", "", "", format("%.0f", report["total"]["weights"].get<double>())});
  addNumbers(total, report["total"]);
  return rows;
}

std::string escape(const std::string &text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return escaped;
}

/// A bar of each tensor's relative error, as long as it is of the largest.
std::string drawBar(double error, double largest) {
  double width = largest > 0 ? 200 * error / largest : 0;
  return "<svg width=\"200\" height=\"12\"><rect width=\"" + format("%.1f", width) +
         "\" height=\"12\" fill=\"#4477aa\"/></svg>";
}

} // namespace

Json buildQuantization(const Json &manifest) {
  if (!manifest.contains("quantization_errors"))
    return nullptr;
  const Json &ledger = manifest["quantization_errors"];
  double weights = 0, bits = 0, squares = 0, values = 0, largest = 0;
  int64_t notFinite = 0;
  for (const Json &tensor : ledger["tensors"]) {
    double count = countElements(tensor);
    weights += count;
    bits += tensor["bits"].get<double>() * count;
    squares += tensor["mse"].get<double>() * count;
    values += tensor["mean_square"].get<double>() * count;
    largest = std::max(largest, tensor["max_error"].get<double>());
    notFinite += tensor.value("not_finite", int64_t(0));
  }
  Json total = {{"weights", weights},
                {"bits", weights > 0 ? bits / weights : 0},
                {"mse", weights > 0 ? squares / weights : 0},
                {"max_error", largest},
                {"relative_error", values > 0 ? std::sqrt(squares / values) : 0}};
  if (notFinite)
    total["not_finite"] = notFinite;
  Json report = {{"report", "quantization"},
                 {"model", manifest["model"]["name"]},
                 {"recipe", ledger["recipe"]},
                 {"tensors", ledger["tensors"]},
                 {"total", total}};
  for (const char *key : {"fit", "evaluation"})
    if (ledger.contains(key))
      report[key] = ledger[key];
  return report;
}

/// What quantizing costs the model, a line for each thing that is known; none where it was not measured.
static std::vector<std::string> describeEvaluation(const Json &report) {
  if (!report.contains("evaluation"))
    return {};
  const Json &found = report["evaluation"];
  auto number = [](const Json &value) { return format("%.4g", value.is_null() ? INFINITY : value.get<double>()); };
  auto range = [&](const Json &pair) { return " (95 %: " + number(pair[0]) + " to " + number(pair[1]) + ")"; };
  std::vector<std::string> lines;
  if (found.contains("activations"))
    lines.push_back("with rows rounded to " + found["activations"].get<std::string>() + " as well");
  if (found.contains("text")) {
    lines.push_back("on " + std::to_string(found["tokens"].get<int64_t>()) + " tokens of " +
                    found["text"].get<std::string>() + ": perplexity " + number(found["perplexity"]) + ", before " +
                    number(found["source_perplexity"]) + ", " + number(found["ratio"]) + " times that" +
                    range(found["ratio_interval"]));
    lines.push_back("divergence " + number(found["divergence"]) + " nats a token" +
                    range(found["divergence_interval"]) + ", median " + number(found["divergence_median"]) +
                    ", 99 % at most " + number(found["divergence_99"]) + ", greatest " +
                    number(found["divergence_greatest"]) + "; the likeliest token is the same for " +
                    format("%.2f", 100 * found["same_top"].get<double>()) + " %");
    return lines;
  }
  for (const Json &output : found["outputs"]) {
    std::string line = output["output"].get<std::string>() + ": relative error " + number(output["relative_error"]) +
                       ", greatest " + number(output["greatest_error"]);
    if (output.contains("divergence"))
      line += "; divergence " + number(output["divergence"]) + " nats over " +
              std::to_string(output["rows"].get<int64_t>()) + " rows, greatest " +
              number(output["divergence_greatest"]) + "; the greatest element is the same in " +
              format("%.2f", 100 * output["same_top"].get<double>()) + " %";
    lines.push_back(line);
  }
  return lines;
}

/// The size that formats were chosen for.
static std::string describeFit(const Json &fit) {
  std::string text = "weights take " + std::to_string(fit["bytes"].get<int64_t>()) + " of at most " +
                     std::to_string(fit["limit"].get<int64_t>()) + " bytes, " +
                     std::to_string(fit["bytes_before"].get<int64_t>()) + " as they were";
  if (fit.contains("bytes_smallest"))
    text += ", " + std::to_string(fit["bytes_smallest"].get<int64_t>()) + " at least";
  return text + "; loss: " + fit["loss"].get<std::string>();
}

/// What each weight got for it, and why.
static std::vector<std::array<std::string, 5>> makeFitRows(const Json &fit) {
  std::vector<std::array<std::string, 5>> rows;
  for (const Json &weight : fit["weights"])
    rows.push_back({weight["name"], weight["format"], std::to_string(weight["bytes"].get<int64_t>()),
                    format("%.3g", weight["loss"].get<double>()), weight["reason"]});
  return rows;
}

/// Rows of columns that are as wide as their widest cell. Numbers, `right` columns behind the first `left`, end below
/// each other, words begin there.
template <size_t Count>
static std::string alignColumns(const std::vector<std::array<std::string, Count>> &rows, size_t left, size_t right) {
  std::array<size_t, Count> widths = {};
  for (const auto &row : rows)
    for (size_t i = 0; i != Count; ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i != Count; ++i) {
      std::string space(widths[i] - row[i].size(), ' ');
      bool isLeft = i < left || i >= left + right;
      line += (i ? "  " : "") + (isLeft ? row[i] + (i + 1 == Count ? "" : space) : space + row[i]);
    }
    text += line + "\n";
  }
  return text;
}

std::string printQuantization(const Json &report) {
  std::vector<Row> rows = makeRows(report);
  rows.insert(rows.begin(), Row{"tensor", "from", "to", "shape", "bits", "mse", "relative", "largest"});
  std::string text = "quantized by " + report["recipe"].get<std::string>() + "\n" + alignColumns(rows, 3, Columns - 3);
  if (report.contains("fit")) {
    auto chosen = makeFitRows(report["fit"]);
    chosen.insert(chosen.begin(), {"weight", "chosen", "bytes", "loss", "because"});
    text += describeFit(report["fit"]) + "\n" + (chosen.size() > 1 ? alignColumns(chosen, 2, 2) : "");
  }
  for (const std::string &line : describeEvaluation(report))
    text += line + "\n";
  return text;
}

std::string renderQuantization(const Json &report) {
  double largest = 0;
  for (const Json &tensor : report["tensors"])
    largest = std::max(largest, tensor["relative_error"].get<double>());
  std::string title = escape(report["model"].get<std::string>() + " by " + report["recipe"].get<std::string>());
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title +
      "</title>\n<style>body{font:14px sans-serif;margin:2em}td,th{padding:2px 10px;text-align:right}"
      "td:first-child,th:first-child{text-align:left}.sum tr:last-child{font-weight:bold}</style></head>\n"
      "<body><h1>" +
      title + "</h1>\n";
  for (const std::string &line : describeEvaluation(report))
    page += "<p>" + escape(line) + "</p>\n";
  page += "<table class=\"sum\"><tr>";
  for (const char *heading : Headings)
    page += "<th>" + std::string(heading) + "</th>";
  page += "<th></th></tr>\n";
  std::vector<Row> rows = makeRows(report);
  for (size_t i = 0; i != rows.size(); ++i) {
    page += "<tr>";
    for (const std::string &cell : rows[i])
      page += "<td>" + escape(cell) + "</td>";
    bool isTotal = i + 1 == rows.size();
    const Json &errors = isTotal ? report["total"] : report["tensors"][i];
    page += "<td>" + drawBar(errors["relative_error"], largest) + "</td></tr>\n";
  }
  page += "</table>\n";
  if (report.contains("fit")) {
    page += "<p>" + escape(describeFit(report["fit"])) +
            "</p>\n<table><tr><th>weight</th><th>chosen</th><th>bytes</th>"
            "<th>loss</th><th>because</th></tr>\n";
    for (const auto &row : makeFitRows(report["fit"])) {
      page += "<tr>";
      for (const std::string &cell : row)
        page += "<td>" + escape(cell) + "</td>";
      page += "</tr>\n";
    }
    page += "</table>\n";
  }
  return page + "</body></html>\n";
}

std::string writeQuantization(const std::string &path, const Json &report) {
  return artifact::writeFile(path, path.ends_with(".html") ? renderQuantization(report) : report.dump(1) + "\n");
}

} // namespace lathe::report
