package dev.nudge.merge;

import dev.nudge.adapter.LoraLinear;
import dev.nudge.format.Entry;
import dev.nudge.format.OutFolder;
import dev.nudge.format.PythonJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.ShardedWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.StreamedLm;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Pages;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/// Writes the weight files of a base anew with adapters in them: the same names, types and files.
///
/// A weight is made in fp32, W + s·B·A, and rounded once to its type, in its own memory. Layers go
/// one after the other, weights of a layer side by side as far as half a gigabyte reaches. What no
/// adapter sits on and no quantisation changes is copied byte for byte.
final class MergedWeights {
  private static final long ROOM_BYTES = 512 << 20; // for weights that are made side by side

  private final StreamedLm base;
  private final ModelConfig config;
  private final AdapterStack adapters;
  private final Backend backend;
  private final Map<String, Entry> entries;
  private final Set<String> made = new HashSet<>(); // paths

  /// @param backend computing in fp32
  MergedWeights(StreamedLm base, ModelConfig config, AdapterStack adapters, Backend backend) {
    this.base = base;
    this.config = config;
    this.adapters = adapters;
    this.backend = backend;
    this.entries = base.dense();
    made.addAll(adapters.paths());
    config.projections().stream().filter(base::quantised).forEach(made::add);
  }

  /// Writes all files.
  ///
  /// @param threads of the machine
  /// @return bytes of the tensors
  /// @throws StreamedLm.Cancelled where `cancelled` said so
  long write(Path folder, int threads, BooleanSupplier cancelled) throws IOException {
    SafeTensors file = base.file();
    Path index = file.index();
    Path root = (index == null ? file.files().getFirst() : index).resolveSibling("");
    Map<Path, List<Entry>> files = new LinkedHashMap<>();
    for (Entry entry : entries.values()) {
      Path target = folder.resolve(root.relativize(file.file(entry.name())).toString());
      Files.createDirectories(target.getParent());
      files.computeIfAbsent(target, f -> new ArrayList<>()).add(entry);
    }
    try (ShardedWriter to = ShardedWriter.create(file.metadata(), files)) {
      copy(file, to, cancelled);
      layers(to, threads, cancelled);
    }
    if (index != null) {
      index(index, folder, files);
    }
    return entries.values().stream().mapToLong(Entry::bytes).sum();
  }

  /// How many weights are made and not copied.
  int layers() {
    return made.size();
  }

  private boolean makes(String name) {
    return name.endsWith(".weight")
        && made.contains(name.substring(0, name.length() - ".weight".length()));
  }

  private void copy(SafeTensors file, ShardedWriter to, BooleanSupplier cancelled) {
    for (String name : entries.keySet()) {
      if (!makes(name)) {
        check(cancelled);
        to.write(name, file.bytes(name));
        Pages.drop(file.bytes(name));
      }
    }
  }

  private static void check(BooleanSupplier cancelled) {
    if (cancelled.getAsBoolean()) {
      throw new StreamedLm.Cancelled();
    }
  }

  private void layers(ShardedWriter to, int threads, BooleanSupplier cancelled) {
    long bytes = bytes();
    int count = (int) Math.clamp(ROOM_BYTES / Math.max(1, bytes), 1, threads);
    try (Lanes lanes = new Lanes(count)) {
      List<Workspace> workspaces =
          lanes.run(
              lane ->
                  new Workspace(lane, bytes, backend.gemms().apply(Math.max(1, threads / count))));
      try {
        for (int i = 0; i < config.numHiddenLayers(); i++) {
          check(cancelled);
          layer(i, to, lanes, workspaces);
          base.drop(i);
        }
      } finally {
        lanes.run(
            lane -> {
              workspaces.get(lane).close();
              return lane;
            });
      }
    }
  }

  private void layer(int i, ShardedWriter to, Lanes lanes, List<Workspace> workspaces) {
    try (Scope scope = Scope.open("merged layer")) {
      List<LinearSlot> slots = slots(i, scope);
      lanes.run(
          lane -> {
            Workspace ws = workspaces.get(lane);
            for (int s = lane; s < slots.size(); s += lanes.count()) {
              ws.reset();
              String name = slots.get(s).path() + ".weight";
              Tensor sum = sum(slots.get(s).linear(), ws, backend.kernels());
              to.write(name, rounded(sum, type(name), ws));
            }
            return lane;
          });
    }
  }

  private List<LinearSlot> slots(int layer, Scope scope) {
    List<LinearSlot> slots =
        base.slots(layer, scope).stream().filter(s -> made.contains(s.path())).toList();
    adapters.put(slots, scope);
    return slots;
  }

  private static Tensor sum(Linear linear, Workspace ws, Kernels kernels) {
    return linear instanceof LoraLinear lora
        ? lora.merged(ws, kernels)
        : linear.weight(ws, kernels);
  }

  private Dtype type(String name) {
    return Objects.requireNonNull(Objects.requireNonNull(entries.get(name)).type().dtype());
  }

  /// The numbers in another type: where it is no wider in the same memory, each row where it
  /// starts.
  private Tensor rounded(Tensor sum, Dtype type, Workspace ws) {
    if (type == sum.dtype()) {
      return sum;
    }
    int ratio = sum.dtype().bytes() / type.bytes();
    Tensor out =
        ratio == 0
            ? ws.take(type, sum.rows(), sum.cols())
            : Tensor.of(sum.data(), type, sum.rows(), (long) sum.cols() * ratio)
                .cols(0, sum.cols());
    (ws.dry() ? Kernels.dry() : backend.kernels()).elementwise().copy(sum, out);
    return out;
  }

  /// Bytes of the workspace of a lane: every weight, made dry.
  private long bytes() {
    try (Workspace ws = Workspace.measuring();
        Scope scope = Scope.measuring()) {
      for (int i = 0; i < config.numHiddenLayers(); i++) {
        for (LinearSlot slot : slots(i, scope)) {
          ws.reset();
          rounded(sum(slot.linear(), ws, Kernels.dry()), type(slot.path() + ".weight"), ws);
        }
      }
      return ws.peak();
    }
  }

  /// Copies the base's index; one that names constants of NF4 is made anew.
  private void index(Path from, Path folder, Map<Path, List<Entry>> files) throws IOException {
    Path to = folder.resolve(from.getFileName().toString());
    if (entries.keySet().equals(base.file().names())) {
      OutFolder.place(to, beside -> Files.write(beside, Files.readAllBytes(from)));
      return;
    }
    Map<String, Object> fileOf = new TreeMap<>();
    long size = entries.values().stream().mapToLong(Entry::bytes).sum();
    files.forEach(
        (file, all) -> all.forEach(e -> fileOf.put(e.name(), folder.relativize(file).toString())));
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("metadata", Map.of("total_size", size));
    index.put("weight_map", fileOf);
    OutFolder.place(to, beside -> Files.writeString(beside, PythonJson.write(index) + "\n"));
  }
}
