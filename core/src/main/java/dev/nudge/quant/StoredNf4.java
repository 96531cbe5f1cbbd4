package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Nf4;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// Reads one linear layer as bitsandbytes stores it in NF4; the codes stay in the mapped file.
///
/// Of a layer X with n numbers in b = ⌈n/64⌉ blocks:
///
/// - `X.weight`: ⌈n/2⌉ bytes, two numbers a byte, declared as any type of the right size
/// - `X.weight.absmax`: a scale a block, F32, or U8 with double quantisation
/// - `X.weight.quant_map`: the 16 values of NF4
/// - `X.weight.nested_absmax`, `X.weight.nested_quant_map`: with double quantisation, an F32 for
///   each 256 scales, and the 256 values of their codes
/// - `X.weight.quant_state.bitsandbytes__nf4`: JSON as U8: `quant_type`, `blocksize`, `dtype`,
///   `shape`, with double quantisation `nested_blocksize`, `nested_dtype`, `nested_offset`
final class StoredNf4 {
  static final String STATE = ".quant_state.bitsandbytes__";
  private static final int MOST_STATE_BYTES = 10_000;
  private static final double MAP_ERROR = 1e-6; // two ways to compute the same table
  private static final Set<StoredType> STORAGE =
      Set.of(
          StoredType.U8,
          StoredType.I8,
          StoredType.F16,
          StoredType.BF16,
          StoredType.F32,
          StoredType.F64);

  private final WeightFile file;
  private final String weight;
  private final int rows;
  private final int cols;

  private StoredNf4(WeightFile file, String weight, int rows, int cols) {
    this.file = file;
    this.weight = weight;
    this.rows = rows;
    this.cols = cols;
  }

  /// The names of a layer's tensors.
  static List<String> parts(String weight, boolean nested) {
    List<String> parts = new ArrayList<>();
    parts.addAll(List.of(weight, weight + ".absmax", weight + ".quant_map"));
    if (nested) {
      parts.add(weight + ".nested_absmax");
      parts.add(weight + ".nested_quant_map");
    }
    parts.add(weight + STATE + "nf4");
    return parts;
  }

  /// Tells whether the file has quantisation constants beside the tensor `weight`.
  static boolean is(WeightFile file, String weight) {
    String constant = file.names().higher(weight + ".");
    boolean constants = constant != null && constant.startsWith(weight + ".");
    return file.names().contains(weight) && (constants || eightBit(file, weight));
  }

  private static boolean eightBit(WeightFile file, String weight) {
    return file.names().contains(weight.replaceAll("weight$", "SCB"));
  }

  /// Tells whether a tensor for which [#is] holds is double-quantised.
  static boolean nested(WeightFile file, String weight) {
    return file.names().contains(weight + ".nested_absmax");
  }

  /// Reads a layer of (rows, cols) numbers.
  ///
  /// @throws InputException in one line: the file, the tensor, its wrong value and the allowed
  ///     ones
  static Nf4Weight read(WeightFile file, String weight, int rows, int cols) {
    return new StoredNf4(file, weight, rows, cols).read();
  }

  /// The type that the numbers of a layer had before they were quantised.
  static Dtype dtype(WeightFile file, String weight, int rows, int cols) {
    String name = new StoredNf4(file, weight, rows, cols).state().text("dtype", null);
    return switch (name) {
      case "float16" -> Dtype.F16;
      case "bfloat16" -> Dtype.BF16;
      default -> Dtype.F32;
    };
  }

  private Nf4Weight read() {
    long n = (long) rows * cols;
    long blocks = Nf4.blocks(n);
    ConfigJson state = state();
    MemorySegment packed = bytes(weight, STORAGE, Nf4.bytes(n));
    Tensor bytes = Tensor.of(packed, Dtype.U8, packed.byteSize(), 1);
    map(weight + ".quant_map", levels());
    boolean nested = nested(file, weight);
    if (nested != state.has("nested_offset")) {
      throw state.refuse(
          "nested_offset is "
              + (nested ? "missing, but" : "given without")
              + " the tensor "
              + weight
              + ".nested_absmax");
    }
    if (!nested) {
      return Nf4Weight.of(rows, cols, bytes, numbers(weight + ".absmax", Dtype.F32, blocks));
    }
    same(state, "nested_blocksize", NestedScales.BLOCK);
    supported(state, "nested_dtype", List.of("float32"));
    map(weight + ".nested_quant_map", nestedLevels());
    double offset = state.number("nested_offset", null);
    if (!Float.isFinite((float) offset)) {
      throw state.refuse("nested_offset is " + offset + "; a number of float32 is needed");
    }
    long groups = (blocks + NestedScales.BLOCK - 1) / NestedScales.BLOCK;
    return Nf4Weight.nested(
        rows,
        cols,
        bytes,
        new NestedScales(
            numbers(weight + ".absmax", Dtype.U8, blocks),
            numbers(weight + ".nested_absmax", Dtype.F32, groups),
            (float) offset));
  }

  /// The values of the sixteen codes.
  static float[] levels() {
    float[] levels = new float[16];
    for (int code = 0; code < levels.length; code++) {
      levels[code] = Nf4.level(code);
    }
    return levels;
  }

  /// The values of the 256 codes of double-quantised scales.
  static float[] nestedLevels() {
    float[] levels = new float[DynamicMap.CODES];
    for (int code = 0; code < levels.length; code++) {
      levels[code] = DynamicMap.SIGNED.value(code);
    }
    return levels;
  }

  /// The layer's JSON, checked except for the double-quantisation keys.
  private ConfigJson state() {
    if (eightBit(file, weight)) {
      throw refuse(weight, "is stored in 8 bits (LLM.int8); supported: nf4");
    }
    String name = weight + STATE + "nf4";
    String other = file.names().higher(weight + STATE);
    if (other != null && other.startsWith(weight + STATE) && !other.equals(name)) {
      throw refuse(
          weight,
          "is stored in " + other.substring((weight + STATE).length()) + "; supported: nf4");
    }
    Entry entry = file.entry(name);
    if (entry.type() != StoredType.U8 || entry.bytes() > MOST_STATE_BYTES) {
      throw refuse(
          name,
          "is "
              + shown(entry)
              + "; JSON of at most "
              + MOST_STATE_BYTES
              + " bytes in U8 is needed");
    }
    ConfigJson state = ConfigJson.parse(file.file(name), name + ": ", text(name));
    supported(state, "quant_type", List.of("nf4"));
    same(state, "blocksize", Nf4.BLOCK);
    supported(state, "dtype", List.of("float32", "float16", "bfloat16"));
    String shape = state.present("shape") ? ConfigJson.show(state.node("shape")) : "missing";
    if (!shape.equals("[" + rows + "," + cols + "]")) {
      throw state.refuse("shape is " + shape + ", config.json says [" + rows + "," + cols + "]");
    }
    return state;
  }

  private String text(String name) {
    byte[] bytes = file.bytes(name).toArray(ValueLayout.JAVA_BYTE);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw refuse(name, "is not UTF-8");
    }
  }

  private MemorySegment bytes(String name, Set<StoredType> types, long wanted) {
    Entry entry = file.entry(name);
    if (!types.contains(entry.type()) || entry.bytes() != wanted) {
      throw refuse(
          name,
          "is "
              + shown(entry)
              + ", "
              + entry.bytes()
              + " bytes; a layer of "
              + List.of(rows, cols)
              + " in nf4 has "
              + wanted
              + " bytes there");
    }
    return file.bytes(name);
  }

  private Tensor numbers(String name, Dtype type, long count) {
    Entry entry = file.entry(name);
    if (entry.type() != StoredType.of(type) || !Arrays.equals(entry.dims(), new long[] {count})) {
      throw refuse(
          name,
          "is "
              + shown(entry)
              + "; a layer of "
              + List.of(rows, cols)
              + " in nf4 needs "
              + type
              + " ["
              + count
              + "]");
    }
    return file.tensor(name);
  }

  /// Checks that a file's table of values is the standard one, which is built into the kernels.
  private void map(String name, float[] values) {
    Tensor stored = numbers(name, Dtype.F32, values.length);
    for (int i = 0; i < values.length; i++) {
      if (!(Math.abs(stored.at(i) - values[i]) <= MAP_ERROR)) {
        throw refuse(
            name, "has " + stored.at(i) + " at " + i + "; " + values[i] + " is supported there");
      }
    }
  }

  private void supported(ConfigJson state, String key, List<String> known) {
    String given = state.text(key, null);
    if (!known.contains(given)) {
      throw state.refuse(
          key
              + " "
              + ConfigJson.quote(given)
              + " is not supported; supported: "
              + String.join(", ", known));
    }
  }

  private void same(ConfigJson state, String key, int only) {
    int given = state.whole(key, 0, Integer.MAX_VALUE);
    if (given != only) {
      throw state.refuse(
          key
              + (given == 0 ? " is missing" : " " + given + " is not supported")
              + "; supported: "
              + only);
    }
  }

  private static String shown(Entry entry) {
    return entry.type() + " " + entry.shape();
  }

  private InputException refuse(String name, String what) {
    return new InputException(file.file(weight) + ": " + name + " " + what);
  }
}
