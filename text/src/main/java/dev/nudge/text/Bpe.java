package dev.nudge.text;

import java.io.StringWriter;
import java.util.List;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// A byte-level BPE vocabulary, and its files for `tokenizers` and transformers.
///
/// @param tokens by id, each byte as a letter ([ByteLevel]); id 0 is the end token
/// @param merges in order of their rank, left and right separated by a space
public record Bpe(List<String> tokens, List<String> merges) {
  /// The id of the end token.
  public static final int END = 0;

  public Bpe {
    tokens = List.copyOf(tokens);
    merges = List.copyOf(merges);
  }

  /// Size of the vocabulary.
  public int size() {
    return tokens.size();
  }

  /// Returns the text of `tokenizer.json`: pre-tokenizer [ByteLevel], no post-processor.
  ///
  /// Each merge is one string, which every release of `tokenizers` reads.
  public String tokenizerJson() {
    StringWriter out = new StringWriter();
    try (JsonGenerator g = generator(out)) {
      g.writeStartObject();
      g.writeStringProperty("version", "1.0");
      g.writeNullProperty("truncation");
      g.writeNullProperty("padding");
      g.writeArrayPropertyStart("added_tokens");
      end(g);
      g.writeEndArray();
      g.writeNullProperty("normalizer");
      byteLevel(g, "pre_tokenizer");
      g.writeNullProperty("post_processor");
      byteLevel(g, "decoder");
      model(g);
      g.writeEndObject();
    }
    return out + "\n";
  }

  /// Returns the text of `tokenizer_config.json`.
  ///
  /// @param maxLength the model's maximum length in tokens
  public String configJson(int maxLength) {
    StringWriter out = new StringWriter();
    try (JsonGenerator g = generator(out)) {
      g.writeStartObject();
      g.writeBooleanProperty("clean_up_tokenization_spaces", false);
      g.writeStringProperty("eos_token", tokens.get(END));
      g.writeNumberProperty("model_max_length", maxLength);
      g.writeStringProperty("tokenizer_class", "PreTrainedTokenizerFast");
      g.writeEndObject();
    }
    return out + "\n";
  }

  private static JsonGenerator generator(StringWriter out) {
    return new JsonFactory().createGenerator(ObjectWriteContext.empty(), out);
  }

  private void end(JsonGenerator g) {
    g.writeStartObject();
    g.writeNumberProperty("id", END);
    g.writeStringProperty("content", tokens.get(END));
    for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
      g.writeBooleanProperty(flag, false);
    }
    g.writeBooleanProperty("special", true);
    g.writeEndObject();
  }

  private static void byteLevel(JsonGenerator g, String name) {
    g.writeObjectPropertyStart(name);
    g.writeStringProperty("type", "ByteLevel");
    g.writeBooleanProperty("add_prefix_space", false);
    g.writeBooleanProperty("trim_offsets", true);
    g.writeBooleanProperty("use_regex", true);
    g.writeEndObject();
  }

  private void model(JsonGenerator g) {
    g.writeObjectPropertyStart("model");
    g.writeStringProperty("type", "BPE");
    for (String absent :
        List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
      g.writeNullProperty(absent);
    }
    for (String off : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
      g.writeBooleanProperty(off, false);
    }
    g.writeObjectPropertyStart("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      g.writeNumberProperty(tokens.get(id), id);
    }
    g.writeEndObject();
    g.writeArrayPropertyStart("merges");
    merges.forEach(g::writeString);
    g.writeEndArray();
    g.writeEndObject();
  }
}
