package dev.nudge.gguf;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The vocabulary of a GGUF file, checked.
final class GgufTokens {
  static final String PREFIX = "tokenizer.ggml.";

  /// Tokens at which llama.cpp ends an answer, in addition to `eos_token_id`.
  static final Set<String> ENDS =
      Set.of(
          "<|eot_id|>",
          "<|im_end|>",
          "<|end|>",
          "<end_of_turn>",
          "<|endoftext|>",
          "<|eom_id|>",
          "</s>",
          "<|end_of_text|>");

  /// The type of a token; files number types from 1.
  enum Kind {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER,
    UNUSED,
    BYTE
  }

  /// Special tokens that the metadata names.
  enum Named {
    BOS("bos", 1),
    EOS("eos", 2),
    UNK("unknown", 0),
    PAD("padding", -1);

    private final String inFile;
    private final int ofSentencePiece; // default id of SentencePiece; −1: none

    Named(String inFile, int ofSentencePiece) {
      this.inFile = inFile;
      this.ofSentencePiece = ofSentencePiece;
    }

    String lower() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// Most characters of a token; deriving merges tries all splits, in quadratic time.
  private static final int LONGEST = 8192;

  private final GgufMetadata data;
  private final boolean sentencePiece;
  private final String[] texts;
  private final Kind[] kinds;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Named, Integer> named = new EnumMap<>(Named.class);

  private GgufTokens(GgufMetadata data) {
    this.data = data;
    this.sentencePiece = sentencePiece(data);
    String[] all = data.texts(PREFIX + "tokens");
    if (all == null || all.length == 0) {
      throw data.refuse(PREFIX + "tokens is missing or empty; the vocabulary is needed");
    }
    this.texts = all;
    for (int id = 0; id < all.length; id++) {
      if (all[id].length() > LONGEST) {
        throw data.refuse(
            "token %d has %d characters; at most %d are allowed"
                .formatted(id, all[id].length(), LONGEST));
      }
      Integer before = ids.putIfAbsent(all[id], id);
      if (before != null) {
        throw data.refuse(
            "tokens %d and %d are both %s; a token may stand once"
                .formatted(before, id, GgufError.quote(all[id])));
      }
    }
    this.kinds = kinds(data, all.length);
    for (Named token : Named.values()) {
      Integer id = named(token);
      if (id != null) {
        named.put(token, id);
      }
    }
  }

  static GgufTokens of(GgufMetadata data) {
    return new GgufTokens(data);
  }

  private static boolean sentencePiece(GgufMetadata data) {
    String model = data.text(PREFIX + "model");
    if (model == null || !model.equals("llama") && !model.equals("gpt2")) {
      throw data.refuse(
          "%smodel %s; supported: gpt2 (byte-level BPE), llama (SentencePiece BPE)"
              .formatted(
                  PREFIX,
                  model == null ? "is missing" : GgufError.quote(model) + " is not supported"));
    }
    return "llama".equals(model);
  }

  private static Kind[] kinds(GgufMetadata data, int count) {
    Kind[] kinds = new Kind[count];
    double[] numbers = data.numbers(PREFIX + "token_type");
    if (numbers != null && numbers.length != count) {
      throw data.refuse(
          "%stoken_type has %d entries, %stokens %d; one for each token is needed"
              .formatted(PREFIX, numbers.length, PREFIX, count));
    }
    for (int id = 0; id < count; id++) {
      int kind = numbers == null ? 1 : (int) numbers[id];
      if (kind < 1 || kind > Kind.values().length) {
        throw data.refuse(
            PREFIX + "token_type of token " + id + " is " + kind + "; 1 to 6 is known");
      }
      kinds[id] = Kind.values()[kind - 1];
    }
    return kinds;
  }

  private @Nullable Integer named(Named token) {
    String key = PREFIX + token.inFile + "_token_id";
    if (data.has(key)) {
      int most = token == Named.PAD ? Integer.MAX_VALUE : texts.length - 1;
      int id = data.whole(key, null, 0, most);
      return id < texts.length ? id : null; // Llama 2 names a padding that does not exist
    }
    boolean usual = sentencePiece && token.ofSentencePiece >= 0;
    return usual && token.ofSentencePiece < texts.length ? token.ofSentencePiece : null;
  }

  /// Whether this is SentencePiece BPE, not byte-level BPE.
  boolean isSentencePiece() {
    return sentencePiece;
  }

  int size() {
    return texts.length;
  }

  String text(int id) {
    return texts[id];
  }

  Kind kind(int id) {
    return kinds[id];
  }

  /// Returns the id of a token's text; null: not a token.
  @Nullable Integer id(String text) {
    return ids.get(text);
  }

  /// Returns the id of a named special token; null: none.
  @Nullable Integer id(Named token) {
    return named.get(token);
  }

  /// Returns the tokens that end an answer: `eos_token_id` and llama.cpp's own ([#ENDS]).
  List<Integer> ends() {
    List<Integer> ends = new ArrayList<>();
    if (named.containsKey(Named.EOS)) {
      ends.add(Objects.requireNonNull(named.get(Named.EOS)));
    }
    for (String key : List.of("eot", "eom")) {
      String id = PREFIX + key + "_token_id";
      if (data.has(id)) {
        add(ends, data.whole(id, null, 0, texts.length - 1));
      }
    }
    ENDS.stream()
        .sorted()
        .map(ids::get)
        .filter(id -> id != null && kinds[id] != Kind.NORMAL)
        .forEach(id -> add(ends, Objects.requireNonNull(id)));
    return ends;
  }

  private static void add(List<Integer> ends, int id) {
    if (!ends.contains(id)) {
      ends.add(id);
    }
  }
}
