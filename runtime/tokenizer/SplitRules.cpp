// The values of `tokenizer.ggml.pre` and the regular expressions they stand for, as the models' own tokenizers have
// them.
#include "runtime/tokenizer/PreTokenizer.h"

#include <algorithm>

namespace lathe::runtime {

#define LATHE_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
// Letters from a first one that is no small letter, or small ones after others that are none.
#define LATHE_CASED_WORD(end)                                                                                          \
  R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)" end                                \
  R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)" end
// White space up to line ends; then all but the last of it, which goes to the word behind.
#define LATHE_SPACES R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"

static constexpr std::string_view Gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

static constexpr std::string_view Gpt2Patterns[] = {Gpt2};
static constexpr std::string_view StarCoderPatterns[] = {R"(\p{N})", Gpt2};
static constexpr std::string_view FalconPatterns[] = {R"([\p{P}$+<=>^~|`]+)", Gpt2, "[0-9][0-9][0-9]"};
static constexpr std::string_view DefaultPatterns[] = {R"([\p{P}$+<=>^~|]+)", Gpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
static constexpr std::string_view Llama3Patterns[] = {
    LATHE_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)" LATHE_SPACES};
static constexpr std::string_view Qwen2Patterns[] = {
    LATHE_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)" LATHE_SPACES};
static constexpr std::string_view Qwen35Patterns[] = {
    LATHE_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" LATHE_SPACES};
static constexpr std::string_view TekkenPatterns[] = {
    LATHE_CASED_WORD("") R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" LATHE_SPACES};
static constexpr std::string_view Gpt4oPatterns[] = {
    LATHE_CASED_WORD(LATHE_CONTRACTIONS "?") R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" LATHE_SPACES};
static constexpr std::string_view SeedCoderPatterns[] = {
    LATHE_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+)" LATHE_SPACES};
static constexpr std::string_view BloomPatterns[] = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"};
static constexpr std::string_view VikingPatterns[] = {BloomPatterns[0], R"(\p{N})"};
static constexpr std::string_view DeepseekCoderPatterns[] = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                             R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N})"};
static constexpr std::string_view DeepseekV3Patterns[] = {
    R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)",
    R"([!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" LATHE_SPACES};
static constexpr std::string_view DeepseekLlmPatterns[] = {
    R"([\r\n])",
    // Letters of scripts that have cases.
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})"
    R"(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E})"
    R"(\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943}]+)",
    R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
    // Only from the first space of a run: its other spaces match nothing that this does not.
    R"((?<!\s)\s++$)", R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N}+)"};

static constexpr std::string_view Gpt2Names[] = {"gpt-2",          "phi-2",    "mpt",         "olmo",   "jais",
                                                 "trillion",       "gigachat", "modern-bert", "mellum", "exaone4",
                                                 "granite-docling"};
static constexpr std::string_view StarCoderNames[] = {"starcoder", "refact", "command-r",  "smollm",
                                                      "codeshell", "exaone", "minerva-7b", "mellum2"};
static constexpr std::string_view FalconNames[] = {"falcon"};
static constexpr std::string_view DefaultNames[] = {"default"};
static constexpr std::string_view Llama3Names[] = {"llama-bpe", "llama3",  "llama-v3", "falcon3",
                                                   "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
static constexpr std::string_view DbrxNames[] = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"};
static constexpr std::string_view Qwen2Names[] = {"qwen2",  "stablelm2", "deepseek-r1-qwen", "hunyuan",
                                                  "megrez", "grok-2",    "solar-open"};
static constexpr std::string_view Qwen35Names[] = {"qwen35"};
static constexpr std::string_view TekkenNames[] = {"tekken"};
static constexpr std::string_view Gpt4oNames[] = {"gpt-4o", "llama4", "minimax-m2", "kanana2"};
static constexpr std::string_view SeedCoderNames[] = {"seed-coder"};
static constexpr std::string_view BloomNames[] = {"bloom", "poro-chat", "gpt3-finnish"};
static constexpr std::string_view VikingNames[] = {"viking"};
static constexpr std::string_view DeepseekCoderNames[] = {"deepseek-coder"};
static constexpr std::string_view DeepseekV3Names[] = {"deepseek-v3", "hunyuan-dense", "joyai-llm"};
static constexpr std::string_view DeepseekLlmNames[] = {"deepseek-llm"};

static constexpr SplitRule Rules[] = {
    {DefaultNames, DefaultPatterns},
    {Gpt2Names, Gpt2Patterns},
    {StarCoderNames, StarCoderPatterns},
    {FalconNames, FalconPatterns},
    {Llama3Names, Llama3Patterns, /*keepsWords=*/true, /*addsBos=*/true},
    {DbrxNames, Llama3Patterns},
    {Qwen2Names, Qwen2Patterns},
    {Qwen35Names, Qwen35Patterns},
    {TekkenNames, TekkenPatterns, /*keepsWords=*/true, /*addsBos=*/true},
    {Gpt4oNames, Gpt4oPatterns},
    {SeedCoderNames, SeedCoderPatterns},
    {BloomNames, BloomPatterns},
    {VikingNames, VikingPatterns},
    {DeepseekCoderNames, DeepseekCoderPatterns},
    {DeepseekV3Names, DeepseekV3Patterns},
    {DeepseekLlmNames, DeepseekLlmPatterns},
};

std::span<const SplitRule> splitRules() { return Rules; }

const SplitRule *findSplitRule(std::string_view name) {
  for (const SplitRule &rule : Rules)
    if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end())
      return &rule;
  return nullptr;
}

} // namespace lathe::runtime
