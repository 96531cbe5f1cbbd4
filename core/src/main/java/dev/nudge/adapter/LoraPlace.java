package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A LoRA update of a linear layer or the output head.
///
/// @param more what a [Lora.Variant] adds: magnitudes, or the bias of B; null: nothing
/// @param magnitude of DoRA, else null
/// @param start A and B that the update began with and that are subtracted; null: none are
public record LoraPlace(
    LinearSlot slot,
    Linear base,
    LowRankLinear made,
    Parameter a,
    Parameter b,
    @Nullable Parameter more,
    @Nullable Magnitude magnitude,
    @Nullable LoraLinear start)
    implements AdaptedLinear.Place {

  /// Makes the LoRA layer for a slot, without putting it there.
  ///
  /// @param base the layer that the LoRA layer wraps
  static LoraPlace of(
      LinearSlot slot, Linear base, Lora spec, double scale, ParameterMemory room, Source source) {
    String path = slot.path();
    int rank = spec.rank(path);
    Parameter a = room.parameter(PeftFiles.nameOfA(path), rank, base.in());
    Parameter b = room.parameter(PeftFiles.nameOfB(path), base.out(), rank);
    String name = PeftFiles.nameOfMore(spec.variant(), path);
    boolean dora = spec.variant() == Lora.Variant.DORA;
    Parameter more = name == null ? null : room.vectorOf(name, base.out());
    if (!room.dry()) {
      source.linear(path, a.master(), b.master());
      ParameterMemory.round(a);
      ParameterMemory.round(b);
      if (name != null && more != null) {
        source.more(name, more.master());
        ParameterMemory.round(more);
      }
    }
    double scaling = scale * spec.scaling(path);
    LoraLinear start = source.subtracts() ? start(base, path, rank, scaling, room) : null;
    LoraLinear lora = LoraLinear.of(start == null ? base : start, a, b, scaling, spec.dropout());
    if (more == null) {
      return new LoraPlace(slot, base, lora, a, b, null, null, start);
    }
    if (!dora) {
      return new LoraPlace(slot, base, lora.withBias(more), a, b, more, null, start);
    }
    DoraLinear made = DoraLinear.of(lora, more, room.scope());
    return new LoraPlace(slot, base, made, a, b, more, made.magnitude(), start);
  }

  /// The base less A and B that an `Initialization` fills.
  private static LoraLinear start(
      Linear base, String path, int rank, double scaling, ParameterMemory room) {
    Parameter a = room.start(path + ".start_A", rank, base.in());
    Parameter b = room.start(path + ".start_B", base.out(), rank);
    return LoraLinear.of(base, a, b, -scaling, 0);
  }

  /// Refreshes working copies after an `Initialization` filled A and B.
  ///
  /// @param subtracted whether the base is to lose what A and B add
  public void begun(boolean subtracted) {
    ParameterMemory.round(a);
    ParameterMemory.round(b);
    if (subtracted) {
      LoraLinear pair = Objects.requireNonNull(start);
      ParameterMemory.copy(a.master(), pair.a().master());
      ParameterMemory.copy(b.master(), pair.b().master());
      ParameterMemory.round(pair.a());
      ParameterMemory.round(pair.b());
    }
  }

  @Override
  public List<Parameter> parameters() {
    return more == null ? List.of(a, b) : List.of(a, b, more);
  }

  @Override
  public Map<String, Tensor> tensors(Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(a.name(), start == null ? a.master() : both(scope));
    tensors.put(b.name(), start == null ? b.master() : difference(scope));
    if (more != null) {
      tensors.put(more.name(), more.master().reshaped(more.elements()));
    }
    return tensors;
  }

  /// [A; A₀], (2·rank, in).
  private Tensor both(Scope scope) {
    Tensor first = Objects.requireNonNull(start).a().master();
    Tensor both = scope.tensor(first.dtype(), 2L * first.rows(), first.cols());
    ParameterMemory.copy(a.master(), both.rows(0, first.rows()));
    ParameterMemory.copy(first, both.rows(first.rows(), both.rows()));
    return both;
  }

  /// [B, −B₀], (out, 2·rank).
  private Tensor difference(Scope scope) {
    Tensor first = Objects.requireNonNull(start).b().master();
    Tensor both = scope.tensor(first.dtype(), first.rows(), 2L * first.cols());
    ParameterMemory.copy(b.master(), both.cols(0, first.cols()));
    Tensor negative = both.cols(first.cols(), both.cols());
    ParameterMemory.copy(first, negative);
    ParameterMemory.scale(negative, -1);
    return both;
  }

  @Override
  public long savedNumbers() {
    long trained = AdaptedLinear.Place.super.savedNumbers();
    return start == null ? trained : trained + a.elements() + b.elements();
  }

  @Override
  public long frozenBytes() {
    long bytes = magnitude == null ? 0 : magnitude.frozenBytes();
    return start == null
        ? bytes
        : bytes + Stream.of(start.a(), start.b()).mapToLong(ParameterMemory::bytesOfCopies).sum();
  }
}
