package dev.nudge.quant;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.StoredType;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Nf4;
import dev.nudge.python.PythonJson;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes a layer's tensors as bitsandbytes stores NF4, byte for byte ([StoredNf4] reads them).
///
/// @param weight the tensor's name, `….weight`
/// @param dtype of the numbers before quantisation
/// @param offset the mean of the scales; null without double quantisation
record Nf4Layer(String weight, int rows, int cols, Dtype dtype, @Nullable Float offset)
    implements WritableFormat.Layer {
  static Nf4Layer of(String weight, Dtype dtype, Nf4Weight w) {
    NestedScales nested = w.nested();
    return new Nf4Layer(weight, w.rows(), w.cols(), dtype, nested == null ? null : nested.offset());
  }

  @Override
  public List<Entry> entries() {
    long n = (long) rows * cols;
    long blocks = Nf4.blocks(n);
    List<Entry> entries = new ArrayList<>();
    entries.add(Entry.of(weight, Dtype.U8, Nf4.bytes(n), 1));
    entries.add(Entry.of(weight + ".absmax", offset == null ? Dtype.F32 : Dtype.U8, blocks));
    entries.add(Entry.of(weight + ".quant_map", Dtype.F32, StoredNf4.levels().length));
    if (offset != null) {
      long groups = (blocks + NestedScales.BLOCK - 1) / NestedScales.BLOCK;
      entries.add(Entry.of(weight + ".nested_absmax", Dtype.F32, groups));
      entries.add(Entry.of(weight + ".nested_quant_map", Dtype.F32, DynamicMap.CODES));
    }
    entries.add(new Entry(state(), StoredType.U8, List.of((long) json().length)));
    return entries;
  }

  @Override
  public void write(SafeTensorsWriter file, StoredWeight stored) {
    Nf4Weight w = (Nf4Weight) stored;
    file.write(weight, w.packed().data());
    NestedScales nested = w.nested();
    if (nested != null) {
      file.write(weight + ".absmax", nested.codes().data());
      file.write(weight + ".nested_absmax", nested.absmax().data());
      file.write(weight + ".nested_quant_map", bytes(StoredNf4.nestedLevels()));
    } else if (w.absmax() != null) {
      file.write(weight + ".absmax", w.absmax().data());
    }
    file.write(weight + ".quant_map", bytes(StoredNf4.levels()));
    file.write(state(), MemorySegment.ofArray(json()));
  }

  private String state() {
    return weight + StoredNf4.STATE + "nf4";
  }

  private byte[] json() {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put("quant_type", "nf4");
    state.put("blocksize", Nf4.BLOCK);
    state.put("dtype", torchName(dtype));
    state.put("shape", List.of(rows, cols));
    if (offset != null) {
      state.put("nested_blocksize", NestedScales.BLOCK);
      state.put("nested_dtype", torchName(Dtype.F32));
      state.put("nested_offset", (double) offset);
    }
    return PythonJson.line(state).getBytes(StandardCharsets.UTF_8);
  }

  /// Torch's name of a type: `bfloat16` for BF16.
  static String torchName(Dtype dtype) {
    return dtype.name().toLowerCase(Locale.ROOT).replace("f", "float");
  }

  private static MemorySegment bytes(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return MemorySegment.ofArray(bytes.array());
  }
}
