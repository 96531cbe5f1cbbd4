package dev.nudge.bench.measure;

import dev.nudge.format.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Nf4;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.NestedScales;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Writes model folders of random weights, a tensor at a time: config, tokenizer of bytes, weights
/// in bf16 or, but for embedding, head and norms, in NF4 with double quantisation as bitsandbytes
/// stores it.
///
/// A matrix is uniform in ±1/√in; in NF4 its codes are uniform, its scales around 1/√in. Norms are
/// 1.
public final class RandomFolder {
  private static final int SPECIALS = 3;
  private static final int BYTES = 256;

  private final ModelConfig config;
  private final boolean nf4;

  private RandomFolder(ModelConfig config, boolean nf4) {
    this.config = config;
    this.nf4 = nf4;
  }

  /// Returns weight file bytes without header.
  public static long bytes(ModelConfig config, boolean nf4) {
    return new RandomFolder(config, nf4).entries().stream().mapToLong(Entry::bytes).sum();
  }

  /// Writes the folder unless it exists.
  public static Path of(Path folder, ModelConfig config, boolean nf4) {
    Path done = folder.resolve("config.json");
    if (Files.exists(done)) {
      return folder;
    }
    try {
      Files.createDirectories(folder);
      long needed = bytes(config, nf4);
      long free = Files.getFileStore(folder).getUsableSpace();
      if (free < needed + (1L << 30)) {
        throw new NoRoomException(
            folder
                + " needs "
                + Child.gib(needed)
                + " and a GiB more, free are "
                + Child.gib(free));
      }
      RandomFolder random = new RandomFolder(config, nf4);
      random.weights(folder.resolve("model.safetensors"));
      Files.writeString(folder.resolve("tokenizer.json"), Json.line(tokenizer(config.vocabSize())));
      Files.writeString(
          folder.resolve("tokenizer_config.json"),
          Json.line(Map.of("eos_token", "</s>", "tokenizer_class", "PreTrainedTokenizerFast")));
      Files.writeString(done, Json.line(random.json())); // last: marks completion
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Thrown if the disk has too little space.
  public static final class NoRoomException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NoRoomException(String message) {
      super(message);
    }
  }

  /// Writes rows of `tokens` tokens, end token included.
  public static Path rows(Path file, int tokens, int rows) {
    SplittableRandom random = new SplittableRandom(7);
    List<String> lines = new ArrayList<>();
    for (int r = 0; r < rows; r++) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < tokens - 1; i++) {
        text.append((char) ('a' + random.nextInt(26)));
      }
      lines.add(Json.line(Map.of("text", text.toString())));
    }
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      return Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean quantised(String name, long[] shape) {
    return nf4
        && shape.length == 2
        && !name.equals("lm_head.weight")
        && !name.equals("model.embed_tokens.weight");
  }

  private List<Entry> entries() {
    List<Entry> entries = new ArrayList<>();
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              if (!quantised(name, shape)) {
                entries.add(Entry.of(name, Dtype.BF16, shape));
                return;
              }
              long n = shape[0] * shape[1];
              long blocks = Nf4.blocks(n);
              entries.add(Entry.of(name, Dtype.U8, Nf4.bytes(n), 1));
              entries.add(Entry.of(name + ".absmax", Dtype.U8, blocks));
              entries.add(Entry.of(name + ".quant_map", Dtype.F32, 16));
              entries.add(Entry.of(name + ".nested_absmax", Dtype.F32, groups(blocks)));
              entries.add(Entry.of(name + ".nested_quant_map", Dtype.F32, DynamicMap.CODES));
              entries.add(Entry.of(name + STATE, Dtype.U8, state(shape).length));
            });
    return entries;
  }

  private static final String STATE = ".quant_state.bitsandbytes__nf4";

  private static long groups(long blocks) {
    return (blocks + NestedScales.BLOCK - 1) / NestedScales.BLOCK;
  }

  private void weights(Path file) {
    Path temporary = file.resolveSibling("weights.tmp");
    try (SafeTensorsWriter out =
            SafeTensorsWriter.create(temporary, Map.of("format", "pt"), entries());
        Arena arena = Arena.ofConfined()) {
      long most = 0;
      for (Entry e : entries()) {
        most = Math.max(most, e.bytes());
      }
      MemorySegment buffer = arena.allocate(most + Long.BYTES, Long.BYTES);
      SplittableRandom random = new SplittableRandom(1);
      config
          .tensors()
          .forEach(
              (name, shape) -> {
                if (quantised(name, shape)) {
                  nf4(out, name, shape, buffer, random);
                } else {
                  dense(out, name, shape, buffer, random);
                }
              });
    }
    try {
      Files.move(temporary, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void nf4(
      SafeTensorsWriter out,
      String name,
      long[] shape,
      MemorySegment buffer,
      SplittableRandom random) {
    long n = shape[0] * shape[1];
    long blocks = Nf4.blocks(n);
    float scale = (float) (1 / Math.sqrt(shape[1]));
    out.write(name, noise(buffer, Nf4.bytes(n), random));
    out.write(name + ".absmax", noise(buffer, blocks, random));
    float[] groups = new float[Math.toIntExact(groups(blocks))];
    java.util.Arrays.fill(groups, scale / 2);
    out.write(name + ".nested_absmax", floats(groups));
    float[] levels = new float[16];
    for (int code = 0; code < levels.length; code++) {
      levels[code] = Nf4.level(code);
    }
    out.write(name + ".quant_map", floats(levels));
    float[] nested = new float[DynamicMap.CODES];
    for (int code = 0; code < nested.length; code++) {
      nested[code] = DynamicMap.SIGNED.value(code);
    }
    out.write(name + ".nested_quant_map", floats(nested));
    out.write(name + STATE, MemorySegment.ofArray(state(shape)));
  }

  private static void dense(
      SafeTensorsWriter out,
      String name,
      long[] shape,
      MemorySegment buffer,
      SplittableRandom random) {
    boolean norm = shape.length == 1;
    long n = norm ? shape[0] : shape[0] * shape[1];
    float bound = norm ? 0 : (float) (1 / Math.sqrt(shape[1]));
    for (long i = 0; i < n; i++) {
      float value = norm ? 1 : bound * ((random.nextInt() >> 8) / (float) (1 << 23));
      buffer.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.round(value));
    }
    out.write(name, buffer.asSlice(0, 2 * n));
  }

  private static MemorySegment noise(MemorySegment buffer, long bytes, SplittableRandom random) {
    for (long i = 0; i < bytes; i += Long.BYTES) {
      buffer.set(ValueLayout.JAVA_LONG, i, random.nextLong());
    }
    return buffer.asSlice(0, bytes);
  }

  private static MemorySegment floats(float[] values) {
    MemorySegment bytes = Arena.ofAuto().allocate(4L * values.length, 4);
    MemorySegment.copy(values, 0, bytes, ValueLayout.JAVA_FLOAT, 0, values.length);
    return bytes;
  }

  private static byte[] state(long[] shape) {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put("quant_type", "nf4");
    state.put("blocksize", Nf4.BLOCK);
    state.put("dtype", "bfloat16");
    state.put("shape", shape);
    state.put("nested_blocksize", NestedScales.BLOCK);
    state.put("nested_dtype", "float32");
    state.put("nested_offset", (double) (float) (1 / Math.sqrt(shape[1])));
    return Json.line(state).getBytes(StandardCharsets.UTF_8);
  }

  private Map<String, Object> json() {
    Map<String, Object> c = new LinkedHashMap<>();
    c.put("architectures", List.of("LlamaForCausalLM"));
    c.put("model_type", "llama");
    c.put("hidden_act", "silu");
    c.put("hidden_size", config.hiddenSize());
    c.put("intermediate_size", config.intermediateSize());
    c.put("num_hidden_layers", config.numHiddenLayers());
    c.put("num_attention_heads", config.numAttentionHeads());
    c.put("num_key_value_heads", config.numKeyValueHeads());
    c.put("head_dim", config.headDim());
    c.put("vocab_size", config.vocabSize());
    c.put("max_position_embeddings", config.maxPositionEmbeddings());
    c.put("rms_norm_eps", config.rmsNormEps());
    c.put("tie_word_embeddings", config.tieWordEmbeddings());
    c.put("bos_token_id", 1);
    c.put("eos_token_id", 2);
    c.put("dtype", "bfloat16");
    if (nf4) {
      c.put(
          "quantization_config",
          Map.of(
              "quant_method",
              "bitsandbytes",
              "load_in_4bit",
              true,
              "load_in_8bit",
              false,
              "bnb_4bit_quant_type",
              "nf4",
              "bnb_4bit_use_double_quant",
              true,
              "bnb_4bit_compute_dtype",
              "bfloat16",
              "bnb_4bit_quant_storage",
              "uint8"));
    }
    return c;
  }

  /// Builds one token a byte, in the letters of byte-level tokenizers; words that never occur fill
  /// the vocabulary, so that the tables are as large as a real model's.
  private static Map<String, Object> tokenizer(int size) {
    Map<String, Object> vocabulary = new LinkedHashMap<>();
    List<Object> added = new ArrayList<>();
    List<String> specials = List.of("<unk>", "<s>", "</s>");
    for (int i = 0; i < SPECIALS; i++) {
      vocabulary.put(specials.get(i), i);
      Map<String, Object> token = new LinkedHashMap<>();
      token.put("id", i);
      token.put("content", specials.get(i));
      for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
        token.put(flag, false);
      }
      token.put("special", true);
      added.add(token);
    }
    int unprintable = 0;
    for (int b = 0; b < BYTES; b++) {
      boolean printable =
          (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
      char letter = (char) (printable ? b : BYTES + unprintable++);
      vocabulary.put(String.valueOf(letter), SPECIALS + b);
    }
    for (int id = SPECIALS + BYTES; id < size; id++) {
      vocabulary.put("word" + id, id);
    }
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("vocab", vocabulary);
    model.put("merges", List.of());
    Map<String, Object> bytes = new LinkedHashMap<>();
    bytes.put("type", "ByteLevel");
    bytes.put("add_prefix_space", false);
    bytes.put("trim_offsets", true);
    bytes.put("use_regex", false);
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("version", "1.0");
    all.put("added_tokens", added);
    all.put("pre_tokenizer", bytes);
    all.put("decoder", bytes);
    all.put("model", model);
    return all;
  }
}
