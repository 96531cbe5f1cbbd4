package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;

/// The MXFP4 format of gpt-oss's experts ([Mxfp4Weight]), read in place.
public record Mxfp4Format() implements WeightFormat {
  /// The tensors of a layer, below its path: U8 (rows, cols / 2) and (rows, cols / 32).
  public static final String CODES = "blocks";

  /// The exponents of a layer, below its path.
  public static final String SCALES = "scales";

  /// Numbers of a block.
  public static final int BLOCK = Mxfp4.BLOCK;

  private static final String METHOD = "mxfp4";

  @Override
  public String name() {
    return METHOD;
  }

  @Override
  public String quantMethod() {
    return METHOD;
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    return this;
  }

  /// Attention stays dense.
  @Override
  public List<String> skipped(ConfigJson q) {
    return List.of("self_attn");
  }

  @Override
  public List<String> parts(String path) {
    return List.of(path + "." + CODES, path + "." + SCALES);
  }

  @Override
  public StoredWeight open(WeightFile file, String path, int rows, int cols) {
    LayerParts parts = new LayerParts(file, METHOD, path, rows, cols);
    if (cols % BLOCK != 0) {
      throw new InputException(
          "%s: rows of %s have %d numbers; mxfp4 is in blocks of %d"
              .formatted(file.source(), path, cols, BLOCK));
    }
    Tensor codes = parts.codes(CODES, "", rows, cols / 2);
    Tensor powers = parts.codes(SCALES, "", rows, cols / BLOCK);
    return new Mxfp4Weight(new SkinnyProduct.Powers(codes, powers));
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return Dtype.BF16;
  }

  @Override
  public StoredWeight dry(String path, int rows, int cols) {
    Tensor codes = Tensor.dry(Dtype.U8, rows, cols / 2);
    Tensor powers = Tensor.dry(Dtype.U8, rows, cols / BLOCK);
    return new Mxfp4Weight(new SkinnyProduct.Powers(codes, powers));
  }

  /// A weight (rows, cols) in [dev.nudge.kernel.Mxfp4].
  ///
  /// Threading: immutable; the mapped file owns the bytes.
  record Mxfp4Weight(SkinnyProduct.Powers few) implements StoredWeight {
    @Override
    public int rows() {
      return few.rows();
    }

    @Override
    public int cols() {
      return few.cols();
    }

    @Override
    public List<Tensor> parts() {
      return List.of(few.codes(), few.powers());
    }

    @Override
    public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
      if (!ws.dry()) {
        kernels.groupedCodes().dequantize(few, from, to, out);
      }
    }
  }
}
