package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Nf4;
import dev.nudge.settings.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// NF4 of bitsandbytes, its scales in fp32 or themselves in eight bits ([Nf4Weight]).
public record Nf4Format(boolean doubleQuant) implements WeightFormat {
  @Override
  public Quantize method() {
    return Quantize.NF4;
  }

  @Override
  public String name() {
    return "nf4";
  }

  @Override
  public String quantMethod() {
    return "bitsandbytes";
  }

  @Override
  public void check(ConfigJson q) {
    BnbConfig.check(q);
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    return new Nf4Format(BnbConfig.doubleQuant(q));
  }

  @Override
  public List<String> skipped(ConfigJson q) {
    return BnbConfig.skipped(q);
  }

  @Override
  public @Nullable WeightFormat in(SafeTensors file, String weight) {
    return StoredNf4.is(file, weight) ? new Nf4Format(StoredNf4.nested(file, weight)) : null;
  }

  @Override
  public StoredWeight open(SafeTensors file, String weight, int rows, int cols) {
    return StoredNf4.read(file, weight, rows, cols);
  }

  @Override
  public Dtype before(SafeTensors file, String weight, int rows, int cols) {
    return StoredNf4.dtype(file, weight, rows, cols);
  }

  @Override
  public long codes(long n) {
    return Nf4.bytes(n);
  }

  @Override
  public long bytes(long n) {
    return Nf4Weight.bytes(n, doubleQuant);
  }

  @Override
  public long room(long n) {
    return doubleQuant ? 4L * Nf4.blocks(n) : 0; // the scales before they are quantised
  }

  @Override
  public StoredWeight make(Tensor dense, Scope scope, Kernels kernels, MemorySegment room) {
    return Nf4Weight.quantize(
        dense, doubleQuant, scope, kernels, n -> Tensor.of(room, Dtype.F32, 1, n));
  }

  @Override
  public StoredWeight dry(int rows, int cols) {
    return Nf4Weight.dry(rows, cols, doubleQuant);
  }

  @Override
  public @Nullable Layer layer(String weight, int rows, int cols, Dtype before) {
    return doubleQuant ? null : new Nf4Layer(weight, rows, cols, before, null);
  }

  @Override
  public Layer layer(String weight, Dtype before, StoredWeight made) {
    return Nf4Layer.of(weight, before, (Nf4Weight) made);
  }

  @Override
  public Map<String, @Nullable Object> config(Dtype compute, @Nullable List<String> skipped) {
    return BnbConfig.of(doubleQuant, compute, skipped);
  }
}
