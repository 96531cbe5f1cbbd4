package dev.nudge.train.optimizer;

import dev.nudge.collective.Collective;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Writes the training state to one file and restores it bit by bit. It has the master weights
/// under their parameters' names, and the optimiser's moments as [Moments#parts] names them.
/// Working copies are computed from the masters.
///
/// Threading: reads what an update writes, so never use it during an update.
final class TrainedState {
  private final Map<String, List<Tensor>> pieces = new LinkedHashMap<>();
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final List<Parameter> parameters;

  /// @throws IllegalStateException if two parameters have the same name
  TrainedState(List<Parameter> parameters, AdamWOptimizer optimizer) {
    this.parameters = parameters;
    for (Parameter p : parameters) {
      add(p.name(), List.of(p.master()), p.master().shape());
    }
    optimizer
        .moments()
        .forEach(
            (name, parts) ->
                add(name, parts, new long[] {parts.stream().mapToLong(Tensor::elements).sum()}));
  }

  private void add(String name, List<Tensor> parts, long[] shape) {
    if (pieces.put(name, parts) != null) {
      throw new IllegalStateException("two parameters are called " + name);
    }
    entries.put(name, Entry.of(name, parts.getFirst().dtype(), shape));
  }

  /// Writes the training state.
  ///
  /// @throws dev.nudge.settings.RunException if writing fails
  void write(Path file) {
    try (SafeTensorsWriter writer =
        SafeTensorsWriter.create(file, Map.of("format", "nudge"), entries.values())) {
      try {
        pieces.forEach(
            (name, parts) -> writer.write(name, parts.stream().map(Tensor::data).iterator()));
      } catch (RuntimeException | Error e) {
        writer.abandon();
        throw e;
      }
    }
  }

  /// Restores the training state.
  ///
  /// @throws InputException if the file is of other parameters
  void read(Path file, Kernels kernels) {
    try (SafeTensors stored = SafeTensors.open(file)) {
      Map<String, Entry> there = new HashMap<>();
      stored.names().forEach(name -> there.put(name, stored.entry(name)));
      List<String> other = new ArrayList<>();
      entries.forEach(
          (name, entry) -> {
            if (!entry.equals(there.remove(name))) {
              other.add(name);
            }
          });
      other.addAll(there.keySet());
      if (!other.isEmpty()) {
        throw new InputException(
            file + " is not of this run: it has another " + other.getFirst() + "; --overwrite");
      }
      pieces.forEach((name, parts) -> put(stored.bytes(name), parts));
    }
    round(kernels);
  }

  /// Sends all ranks the master weights of rank 0, and its moments if there was an update.
  void share(Collective ranks, boolean moments, Kernels kernels) {
    if (moments) {
      pieces.values().forEach(parts -> parts.forEach(part -> ranks.share(part.data())));
    } else {
      parameters.forEach(p -> ranks.share(p.master().data()));
    }
    if (ranks.rank() > 0) {
      round(kernels);
    }
  }

  private void round(Kernels kernels) {
    for (Parameter p : parameters) {
      if (p.work() != p.master()) {
        kernels.elementwise().copy(p.master(), p.work());
      }
    }
  }

  private static void put(MemorySegment from, List<Tensor> parts) {
    long at = 0;
    for (Tensor part : parts) {
      MemorySegment to = part.data();
      MemorySegment.copy(from, at, to, 0, to.byteSize());
      at += to.byteSize();
    }
  }
}
