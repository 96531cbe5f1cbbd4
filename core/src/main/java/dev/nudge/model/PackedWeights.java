package dev.nudge.model;

import dev.nudge.machine.Backend;
import dev.nudge.nn.JoinedLinear;
import dev.nudge.nn.KeptFactors;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.PackedLinear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Packed copies of frozen weights, in the layout of matrix products, one for each direction.
public final class PackedWeights implements AutoCloseable {
  private final Backend backend;
  private final LinearSlot head;
  private final List<LinearSlot> slots;
  private final Scope scope = Scope.open("packed weights");
  private Caches kept = Caches.NONE;
  private @Nullable KeptFactors prompts;

  PackedWeights(Backend backend, LinearSlot head, List<LinearSlot> slots) {
    this.backend = backend;
    this.head = head;
    this.slots = slots;
  }

  /// Tells whether this backend has a packed layout.
  static boolean known(Backend backend) {
    try (Gemm gemm = backend.gemms().apply(1)) {
      return gemm.packs();
    }
  }

  /// The packed copies that [#keep] made.
  public Caches kept() {
    return kept;
  }

  /// Bytes of the packed copies that [#keep] would make.
  public long bytes(Caches caches) {
    return chosen(caches).stream()
        .mapToLong(slot -> Packed.bytes(backend.compute(), slot.linear().in(), slot.linear().out()))
        .map(bytes -> 2 * bytes)
        .sum();
  }

  private List<LinearSlot> chosen(Caches caches) {
    List<LinearSlot> chosen = new ArrayList<>();
    if (caches != Caches.NONE) {
      chosen.add(head);
    }
    if (caches == Caches.ALL) {
      chosen.addAll(slots);
    }
    chosen.removeIf(slot -> slot.linear().changes()); // changes after each step
    return chosen;
  }

  /// Keeps the packed weights of the layers from one prefill pass to the next, until the model is
  /// closed; they need [#promptBytes], from the second pass on. The head is excluded: it multiplies
  /// few rows.
  public void keepPrompts() {
    if (prompts == null && promptBytes() > 0) {
      prompts = new KeptFactors(frozen());
    }
  }

  /// Factors that prefill keeps; null: none.
  @Nullable KeptFactors prompts() {
    return prompts;
  }

  /// Bytes of the packed weights that prefill passes may keep; 0 if the backend packs none.
  public long promptBytes() {
    return known(backend)
        ? frozen().stream().mapToLong(l -> KeptFactors.bytes(l, backend.compute())).sum()
        : 0;
  }

  private List<Linear> frozen() {
    return slots.stream()
        .map(LinearSlot::linear)
        .filter(linear -> !linear.changes() && linear.trainedWeight() == null)
        .map(Linear::under)
        .flatMap(
            linear -> linear instanceof JoinedLinear j ? j.parts().stream() : Stream.of(linear))
        .filter(linear -> !(linear instanceof StoredLinear stored && stored.inPieces()))
        .filter(linear -> !(linear instanceof PackedLinear))
        .toList();
  }

  /// Keeps packed copies of frozen weights, one for each direction, until the model is closed. Call
  /// it before adapters are attached. Nothing happens if the backend has no packed layout. A layer
  /// with a packed copy computes the same bits as one without in products of many rows.
  ///
  /// @param without paths of layers whose weights will train
  public void keep(Caches caches, Set<String> without) {
    kept = caches;
    List<LinearSlot> chosen = chosen(caches);
    chosen.removeIf(slot -> without.contains(slot.path()));
    if (chosen.isEmpty() || !known(backend)) {
      return;
    }
    List<Tensor[]> rooms = new ArrayList<>();
    long bytes = 0;
    for (LinearSlot slot : chosen) {
      Linear plain = slot.linear();
      int in = Packed.padded(plain.in());
      int out = Packed.padded(plain.out());
      Dtype compute = backend.compute();
      rooms.add(new Tensor[] {scope.tensor(compute, in, out), scope.tensor(compute, out, in)});
      bytes = Math.max(bytes, weightBytes(plain));
    }
    long largest = bytes;
    Lanes lanes = new Lanes(Math.min(chosen.size(), Runtime.getRuntime().availableProcessors()));
    try (lanes) {
      lanes.run(
          lane -> {
            try (Workspace ws = new Workspace(lane, largest, backend.gemms().apply(1))) {
              for (int i = lane; i < chosen.size(); i += lanes.count()) {
                ws.release(0);
                pack(chosen.get(i), rooms.get(i), ws);
              }
            }
            return lane;
          });
    }
  }

  /// Workspace bytes for dequantising a layer's weight.
  private long weightBytes(Linear linear) {
    try (Workspace ws = Workspace.measuring()) {
      linear.weight(ws, backend.kernels().dry());
      return ws.peak();
    }
  }

  private void pack(LinearSlot slot, Tensor[] rooms, Workspace ws) {
    Linear plain = slot.linear();
    Tensor weight = plain.weight(ws, backend.kernels());
    Packed up = ws.gemm().pack(weight.transposed(), rooms[0]);
    Packed down = ws.gemm().pack(weight, rooms[1]);
    if (up.packed() && down.packed()) {
      slot.set(PackedLinear.of(plain, up, down, plain.bias()));
    }
  }

  /// Measures for a plan as if weights were packed: with a packed head passes take larger chunks.
  public <T> T assuming(Caches caches, Supplier<T> measured) {
    Linear whole = head.linear();
    Linear plain = whole.under();
    if (!chosen(caches).contains(head) || plain instanceof PackedLinear) {
      return measured.get();
    }
    Packed up = Packed.dry(backend.compute(), plain.in(), plain.out());
    Packed down = Packed.dry(backend.compute(), plain.out(), plain.in());
    head.set(whole.around(PackedLinear.of(plain, up, down, null)));
    try {
      return measured.get();
    } finally {
      head.set(whole);
    }
  }

  @Override
  public void close() {
    if (prompts != null) {
      prompts.close();
    }
    scope.close();
  }
}
