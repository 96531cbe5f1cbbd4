package dev.nudge.gguf;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Splits text into words for byte-level BPE, under llama.cpp's names; nudge writes the first of a
/// constant's names.
///
/// An unknown name is refused: a guess would silently tokenise wrongly.
enum GgufPreTokenizer {
  LLAMA3("llama-bpe llama3 llama-v3", Words.ALIKE + "\\p{N}{1,3}|" + Words.REST, true),
  /// Like Llama 3's, but words that are tokens are merged too.
  DBRX("dbrx smaug-bpe", Words.ALIKE + "\\p{N}{1,3}|" + Words.REST, false),
  QWEN2("qwen2 deepseek-r1-qwen", Words.ALIKE + "\\p{N}|" + Words.REST, false),
  /// Each digit is a word; else like GPT-2's.
  SMOLLM("smollm starcoder command-r refact", null, false),
  GPT2("gpt-2 phi-2 olmo mpt", null, false),
  TEKKEN("tekken", Words.UPPER_LOWER + "\\p{N}|" + Words.PUNCTUATION, true);

  /// Regular expressions in Oniguruma's syntax.
  private static final class Words {
    static final String REST = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final String PUNCTUATION = REST.replaceFirst("\\\\n\\]\\*", "\\\\n/]*");
    static final String ALIKE = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private static final String START =
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String END = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    static final String UPPER_LOWER = START + "*" + END + "+|" + START + "+" + END + "*|";
  }

  private final String written;
  private final Set<String> names;
  private final @Nullable String regex; // null: GPT-2's
  private final boolean wholeWords;

  GgufPreTokenizer(String names, @Nullable String regex, boolean wholeWords) {
    this.written = names.split(" ")[0];
    this.names = Set.of(names.split(" "));
    this.regex = regex;
    this.wholeWords = wholeWords;
  }

  static GgufPreTokenizer of(GgufMetadata data) {
    String key = GgufTokens.PREFIX + "pre";
    String name = data.text(key);
    Set<String> known = new TreeSet<>();
    for (GgufPreTokenizer pre : values()) {
      if (name != null && pre.names.contains(name)) {
        return pre;
      }
      known.addAll(pre.names);
    }
    throw data.refuse(
        key
            + (name == null ? " is missing" : " " + GgufError.quote(name) + " is not supported")
            + "; how words are cut would be a guess; supported: "
            + String.join(", ", known));
  }

  /// Whether words that are tokens skip the merges, and BOS is added unless the file says
  /// otherwise.
  boolean wholeWords() {
    return wholeWords;
  }

  /// Finds the pre-tokenizer that splits like a `tokenizer.json`; null: llama.cpp has none.
  ///
  /// @param cut regular expression of its Split; null: GPT-2's
  /// @param digits whether each digit is a word
  static @Nullable GgufPreTokenizer of(@Nullable String cut, boolean digits, boolean wholeWords) {
    for (GgufPreTokenizer pre : values()) {
      if (Objects.equals(pre.regex, cut)
          && (pre == SMOLLM) == digits
          && pre.wholeWords == wholeWords) {
        return pre;
      }
    }
    return null;
  }

  /// Returns the name to write into files.
  String written() {
    return written;
  }

  /// Returns the `pre_tokenizer` of a `tokenizer.json`.
  Map<String, Object> json() {
    Map<String, Object> bytes =
        GgufTokenizer.object(
            "type",
            "ByteLevel",
            "add_prefix_space",
            false,
            "trim_offsets",
            true,
            "use_regex",
            regex == null);
    if (this == GPT2) {
      return bytes;
    }
    Object words =
        regex == null
            ? GgufTokenizer.object("type", "Digits", "individual_digits", true)
            : GgufTokenizer.object(
                "type",
                "Split",
                "pattern",
                Map.of("Regex", regex),
                "behavior",
                "Isolated",
                "invert",
                false);
    return GgufTokenizer.object("type", "Sequence", "pretokenizers", List.of(words, bytes));
  }
}
