package dev.nudge.text;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/// Writes model folders with tiny tokenizers of the two kinds that Llamas have.
public final class TinyTokenizers {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private TinyTokenizers() {}

  /// Byte-level BPE as in Llama 3: 256 bytes, a few merges, `<s>` 0, `</s>` 1, `<pad>` 2.
  public static Path byteLevel(Path folder, boolean addsBeginning) throws IOException {
    Map<String, Integer> vocab = new LinkedHashMap<>();
    List.of("<s>", "</s>", "<pad>").forEach(t -> vocab.put(t, vocab.size()));
    alphabet().forEach(t -> vocab.put(t, vocab.size()));
    List<String> merges = List.of("a b", "ab c", "Ġ a", "Ġ b", "l l", "h e", ": Ġ", "Ġ ab");
    merges.forEach(m -> vocab.put(m.replace(" ", ""), vocab.size()));
    Map<String, Object> byteLevel =
        Map.of(
            "type",
            "ByteLevel",
            "add_prefix_space",
            false,
            "trim_offsets",
            true,
            "use_regex",
            false);
    Map<String, Object> model = model(vocab, merges, false);
    write(folder, model, byteLevel, byteLevel, null, addsBeginning);
    return folder;
  }

  /// SentencePiece's BPE as in Llama 2: `▁` for a space, byte fallback, `<unk>` 0, `<s>` 1,
  /// `</s>` 2; the decoder drops the first space.
  public static Path sentencePiece(Path folder, boolean addsBeginning) throws IOException {
    Map<String, Integer> vocab = new LinkedHashMap<>();
    List.of("<unk>", "<s>", "</s>").forEach(t -> vocab.put(t, vocab.size()));
    for (int b = 0; b < 256; b++) {
      vocab.put("<0x%02X>".formatted(b), vocab.size());
    }
    vocab.put("▁", vocab.size());
    for (char c = 'a'; c <= 'z'; c++) {
      vocab.put(String.valueOf(c), vocab.size());
    }
    List<String> merges = List.of("▁ a", "▁ b", "a b", "l l", "h e");
    merges.forEach(m -> vocab.put(m.replace(" ", ""), vocab.size()));
    Map<String, Object> space = Map.of("String", " ");
    Map<String, Object> normalizer =
        Map.of(
            "type",
            "Sequence",
            "normalizers",
            List.of(
                Map.of("type", "Prepend", "prepend", "▁"),
                Map.of("type", "Replace", "pattern", space, "content", "▁")));
    Map<String, Object> decoder =
        Map.of(
            "type",
            "Sequence",
            "decoders",
            List.of(
                Map.of("type", "Replace", "pattern", Map.of("String", "▁"), "content", " "),
                Map.of("type", "ByteFallback"),
                Map.of("type", "Fuse"),
                Map.of("type", "Strip", "content", " ", "start", 1, "stop", 0)));
    write(folder, model(vocab, merges, true), null, decoder, normalizer, addsBeginning);
    return folder;
  }

  private static Map<String, Object> model(
      Map<String, Integer> vocab, List<String> merges, boolean byteFallback) {
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    if (byteFallback) {
      model.put("unk_token", "<unk>");
    }
    model.put("fuse_unk", byteFallback);
    model.put("byte_fallback", byteFallback);
    model.put("vocab", vocab);
    model.put("merges", merges);
    return model;
  }

  @SuppressWarnings("unchecked")
  private static void write(
      Path folder,
      Map<String, Object> model,
      @Nullable Object preTokenizer,
      Object decoder,
      @Nullable Object normalizer,
      boolean addsBeginning)
      throws IOException {
    Map<String, Integer> vocab = (Map<String, Integer>) requireNonNull(model.get("vocab"));
    List<Object> added = new ArrayList<>();
    for (String token : List.of("<unk>", "<s>", "</s>", "<pad>")) {
      Integer id = vocab.get(token);
      if (id != null) {
        added.add(
            Map.of(
                "id",
                id,
                "content",
                token,
                "special",
                true,
                "single_word",
                false,
                "lstrip",
                false,
                "rstrip",
                false,
                "normalized",
                false));
      }
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("version", "1.0");
    all.put(
        "truncation",
        Map.of("max_length", 4, "stride", 0, "strategy", "LongestFirst", "direction", "Right"));
    all.put(
        "padding",
        Map.of(
            "strategy",
            Map.of("Fixed", 9),
            "direction",
            "Right",
            "pad_to_multiple_of",
            8,
            "pad_id",
            2,
            "pad_type_id",
            0,
            "pad_token",
            "<pad>"));
    all.put("added_tokens", added);
    put(all, "normalizer", normalizer);
    put(all, "pre_tokenizer", preTokenizer);
    if (addsBeginning) {
      all.put("post_processor", beginning(requireNonNull(vocab.get("<s>"))));
    }
    all.put("decoder", decoder);
    all.put("model", model);
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("tokenizer.json"), JSON.writeValueAsString(all));
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
  }

  private static void put(Map<String, Object> all, String key, @Nullable Object value) {
    if (value != null) {
      all.put(key, value);
    }
  }

  private static Map<String, Object> beginning(int id) {
    Object begin = Map.of("SpecialToken", Map.of("id", "<s>", "type_id", 0));
    Object a = Map.of("Sequence", Map.of("id", "A", "type_id", 0));
    Object b = Map.of("Sequence", Map.of("id", "B", "type_id", 0));
    return Map.of(
        "type", "TemplateProcessing",
        "single", List.of(begin, a),
        "pair", List.of(begin, a, b),
        "special_tokens",
            Map.of("<s>", Map.of("id", "<s>", "ids", List.of(id), "tokens", List.of("<s>"))));
  }

  /// GPT-2's characters for the 256 bytes.
  private static List<String> alphabet() {
    List<String> characters = new ArrayList<>();
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      characters.add(String.valueOf((char) (printable ? b : next++)));
    }
    return characters;
  }
}
