package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.GgufFile;
import dev.nudge.format.WeightFile;
import dev.nudge.gguf.GgufType;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The matrices of a GGUF file that are no plain tensors: each in a block type of its own.
///
/// All GGUF files are one variant: what differs between them is the base's digest.
public final class GgufFormat implements WeightFormat {
  static final GgufFormat ANY = new GgufFormat(Map.of());

  private final Map<String, GgufType> types; // by path; empty: no file is known

  private GgufFormat(Map<String, GgufType> types) {
    this.types = Map.copyOf(types);
  }

  @Override
  public String name() {
    return "gguf";
  }

  @Override
  public String quantMethod() {
    return "gguf";
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    throw q.refuse("quant_method is gguf; give the GGUF file itself as --model");
  }

  @Override
  public List<String> parts(String path) {
    return List.of(path + ".weight");
  }

  @Override
  public boolean stores(WeightFile file, String path) {
    return packed(file, path) != null;
  }

  @Override
  public boolean holdsEnds() {
    return true;
  }

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    Map<String, GgufType> all = new HashMap<>();
    for (String path : paths) {
      GgufFile.Packed packed = packed(file, path);
      if (packed != null) {
        all.put(path, packed.type());
      }
    }
    return new GgufFormat(all);
  }

  @Override
  public StoredWeight open(WeightFile file, String path, int rows, int cols) {
    GgufFile.Packed packed = Objects.requireNonNull(packed(file, path), path);
    if (packed.rows() != rows || packed.cols() != cols) {
      Path there = file.file(path + ".weight");
      throw new InputException(
          "%s: %s.weight is [%d, %d], its metadata says [%d, %d]"
              .formatted(there, path, packed.rows(), packed.cols(), rows, cols));
    }
    long rowBytes = packed.type().rowBytes(cols);
    Tensor bytes = Tensor.of(packed.bytes(), Dtype.U8, rows, rowBytes);
    return new GgufWeight(rows, cols, packed.type(), bytes, packed.order());
  }

  private static GgufFile.@Nullable Packed packed(WeightFile file, String path) {
    return file instanceof GgufFile gguf ? gguf.packed(path + ".weight") : null;
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return switch (Objects.requireNonNull(packed(file, path), path).type()) {
      case F32 -> Dtype.F32;
      case F16 -> Dtype.F16;
      default -> Dtype.BF16;
    };
  }

  @Override
  public StoredWeight dry(String path, int rows, int cols) {
    return GgufWeight.dry(rows, cols, types.getOrDefault(path, GgufType.Q8_0));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GgufFormat;
  }

  @Override
  public int hashCode() {
    return name().hashCode();
  }

  @Override
  public String toString() {
    return name();
  }
}
