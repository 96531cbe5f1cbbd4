package dev.nudge.merge;

import dev.nudge.format.Entry;
import dev.nudge.format.GgufFile;
import dev.nudge.format.OutFolder;
import dev.nudge.format.ShardedWriter;
import dev.nudge.format.Stack;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.python.PythonJson;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Writes the weight files of a merged model: the base's tensor names, types and files.
///
/// A weight W + s·B·A is computed in fp32, some rows at a time on each lane, and rounded once to
/// its stored type, so memory does not depend on the weight's size. Weights are written one by one.
/// Tensors that neither an adapter nor quantisation changes are copied byte for byte.
final class MergedWeights {
  private static final long ROOM_BYTES = 256 << 20; // for blocks computed in parallel

  private final StreamedLm base;
  private final ModelConfig config;
  private final ChangedTensors changes;
  private final Backend backend;
  private final long blockBytes;
  private final Map<String, Entry> entries;
  private final Set<String> made = new HashSet<>(); // names of weights
  private final boolean parted;
  private final int tokens;

  /// @param backend the fp32 backend
  /// @param blockBytes bytes of rows that a lane computes at a time, in fp32
  MergedWeights(
      StreamedLm base,
      ModelConfig config,
      AdapterStack adapters,
      Backend backend,
      long blockBytes) {
    this.base = base;
    this.config = config;
    this.changes = new ChangedTensors(base, config, adapters);
    this.backend = backend;
    this.blockBytes = blockBytes;
    this.entries = base.dense();
    try (Scope scope = Scope.measuring()) {
      for (int i = 0; i < config.numHiddenLayers(); i++) {
        made.addAll(changes.layer(i, scope).keySet());
      }
      ChangedTensors.EmbeddingAndHead ends = changes.ends(scope);
      this.parted = ends.parted();
      this.tokens = ends.tokens();
      ends.rows().forEach(this::expect);
    }
  }

  /// Plans a changed tensor outside the layers: the vocabulary may be larger, the head new.
  private void expect(String name, ChangedTensors.Rows rows) {
    made.add(name);
    Entry there = entries.get(name);
    if (there == null || there.shape().size() == 2) {
      Entry like = there == null ? entry(config.embedding()) : there;
      Dtype type = Objects.requireNonNull(like.type().dtype());
      entries.put(name, Entry.of(name, type, new long[] {rows.count(), rows.width()}));
    }
  }

  private Entry entry(String name) {
    return Objects.requireNonNull(entries.get(name), name);
  }

  /// The tensors of the merged model.
  Collection<Entry> entries() {
    return entries.values();
  }

  /// Whether the tied output head has become a matrix of its own.
  boolean parted() {
    return parted;
  }

  /// Vocabulary size of the merged model.
  int tokens() {
    return tokens;
  }

  /// Writes all files.
  ///
  /// @param threads number of threads
  /// @return bytes of the tensors
  /// @throws StreamedLm.Cancelled if `cancelled` returned true
  long write(Path folder, int threads, BooleanSupplier cancelled) {
    WeightFile file = base.file();
    Path index = file.index();
    Map<Path, List<Entry>> seen = new LinkedHashMap<>();
    for (Entry entry : entries.values()) {
      Path target = folder.resolve(target(file, entry.name()));
      seen.computeIfAbsent(target, f -> new ArrayList<>()).add(entry);
    }
    List<Stack> stacks =
        file.stacks().stream()
            .map(stack -> stack.in(folder.resolve(relative(file, stack.file()))))
            .toList();
    Map<Path, List<Entry>> files = Stack.stored(seen, stacks);
    files.keySet().forEach(target -> OutFolder.make(target.getParent()));
    try (ShardedWriter to = ShardedWriter.create(file.metadata(), files, stacks)) {
      copy(file, to, cancelled);
      layers(folder(to), false, threads, cancelled);
    }
    if (index != null) {
      index(index, folder, files);
    }
    return entries.values().stream().mapToLong(Entry::bytes).sum();
  }

  /// The file of a tensor in the merged folder: as in the base, but one file for a GGUF base.
  private String target(WeightFile file, String name) {
    if (file instanceof GgufFile) {
      return "model.safetensors";
    }
    Path there = base.file(name);
    return relative(file, there == null ? file.file(config.embedding()) : there);
  }

  private static String relative(WeightFile file, Path there) {
    Path index = file.index();
    Path root = (index == null ? file.files().getFirst() : index).resolveSibling("");
    return root.relativize(there).toString();
  }

  /// The number of linear layers whose weights changed.
  int changed() {
    Set<String> linears = new HashSet<>(Set.of(config.head()));
    Checkpoint.places(config).linears().forEach(slot -> linears.addAll(slot.weights()));
    return (int) made.stream().filter(linears::contains).count();
  }

  private boolean makes(String name) {
    return made.contains(name);
  }

  /// The merged model's config.
  ModelConfig config() {
    return config.withVocabulary(tokens, config.tieWordEmbeddings() && !parted);
  }

  /// Writes every tensor of [#config] into a sink.
  ///
  /// @throws StreamedLm.Cancelled if `cancelled` returned true
  void write(MergedTensors.Sink to, int threads, BooleanSupplier cancelled) {
    layers(to, true, threads, cancelled);
  }

  private void copy(WeightFile file, ShardedWriter to, BooleanSupplier cancelled) {
    for (String name : entries.keySet()) {
      if (!makes(name)) {
        StreamedLm.Cancelled.check(cancelled);
        to.write(name, file.bytes(name));
        PageAdvice.drop(file.bytes(name));
      }
    }
  }

  private void layers(MergedTensors.Sink to, boolean all, int threads, BooleanSupplier cancelled) {
    long bytes = laneBytes(to, all);
    int count = lanes(bytes, threads);
    try (Lanes lanes = new Lanes(count)) {
      List<Workspace> workspaces =
          lanes.run(
              lane ->
                  new Workspace(lane, bytes, backend.gemms().apply(Math.max(1, threads / count))));
      try {
        for (int i = 0; i < config.numHiddenLayers(); i++) {
          StreamedLm.Cancelled.check(cancelled);
          try (Scope scope = Scope.open("merged layer")) {
            write(layer(i, all, scope), to, lanes, workspaces);
          }
          base.drop(i);
        }
        StreamedLm.Cancelled.check(cancelled);
        try (Scope scope = Scope.open("merged ends")) {
          write(ends(all, scope), to, lanes, workspaces);
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

  /// A layer's changed tensors, or all its tensors.
  private Map<String, ChangedTensors.Rows> layer(int i, boolean all, Scope scope) {
    Map<String, ChangedTensors.Rows> rows = changes.layer(i, scope);
    return all ? complete(rows, name -> name.startsWith(layers() + i + ".")) : rows;
  }

  private Map<String, ChangedTensors.Rows> ends(boolean all, Scope scope) {
    Map<String, ChangedTensors.Rows> rows = changes.ends(scope).rows();
    return all ? complete(rows, name -> !name.startsWith(layers())) : rows;
  }

  private String layers() {
    return config.place().tensors() + "layers.";
  }

  /// Adds the tensors that equal the base's.
  private Map<String, ChangedTensors.Rows> complete(
      Map<String, ChangedTensors.Rows> changed, Predicate<String> part) {
    Map<String, ChangedTensors.Rows> all = new LinkedHashMap<>(changed);
    for (String name : config().tensors().keySet()) {
      if (part.test(name) && !makes(name)) {
        Tensor stored = base.file().tensor(name);
        Tensor matrix = stored.rank() == 2 ? stored : stored.reshaped(1, stored.elements());
        all.put(name, ChangedTensors.rows(DenseLinear.of(matrix, null)));
      }
    }
    return all;
  }

  /// The number of blocks that are computed in parallel.
  static int lanes(long bytes, int threads) {
    return (int) Math.clamp(ROOM_BYTES / Math.max(1, bytes), 1, threads);
  }

  /// Writes a merged folder's files in the base's types.
  ///
  /// @param to null: for a dry run
  private MergedTensors.Sink folder(@Nullable ShardedWriter to) {
    Map<String, Stack> stacks = Stack.byPart(base.file().stacks());
    return new MergedTensors.Sink() {
      @Override
      public MergedTensors.Storing of(String name) {
        return rounded(type(name));
      }

      @Override
      public void write(String name, Iterator<MemorySegment> pieces) {
        Stack stack = stacks.get(name);
        Objects.requireNonNull(to)
            .write(name, stack == null ? pieces : stack.lying(entry(name), pieces));
      }
    };
  }

  private static MergedTensors.Storing rounded(Dtype type) {
    return (from, sum, ws, kernels) -> {
      if (type == sum.dtype()) {
        return sum;
      }
      Tensor rounded = ws.take(type, sum.rows(), sum.cols());
      kernels.elementwise().copy(sum, rounded);
      return rounded;
    };
  }

  private void write(
      Map<String, ChangedTensors.Rows> rows,
      MergedTensors.Sink to,
      Lanes lanes,
      List<Workspace> workspaces) {
    rows.forEach(
        (name, each) ->
            to.write(name, new Blocks(each, to.of(name), lanes.count()).pieces(lanes, workspaces)));
  }

  private Dtype type(String name) {
    return Objects.requireNonNull(entry(name).type().dtype());
  }

  /// Splits a weight into row blocks.
  private final class Blocks {
    private final ChangedTensors.Rows rows;
    private final MergedTensors.Storing storing;
    private final int step;

    /// @param lanes number of lanes for each weight
    Blocks(ChangedTensors.Rows rows, MergedTensors.Storing storing, int lanes) {
      this.rows = rows;
      this.storing = storing;
      long row = (long) rows.width() * Dtype.F32.bytes();
      long bytes = Math.min(blockBytes, Math.ceilDiv(rows.count() * row, lanes));
      int fit = Linear.rowsOf(bytes, row, rows.count(), rows.grain());
      int grain = storing.grain();
      this.step = Math.min(rows.count(), Math.ceilDiv(fit, grain) * grain);
    }

    /// Computes the rows from `from` on, as they are stored, in the workspace.
    Tensor make(int from, Workspace ws) {
      ws.reset();
      int to = Math.min(rows.count(), from + step);
      Kernels kernels = ws.dry() ? backend.kernels().dry() : backend.kernels();
      return storing.store(from, rows.make(from, to, ws, kernels), ws, kernels);
    }

    /// Computes all blocks in order, one per lane in parallel.
    Iterator<MemorySegment> pieces(Lanes lanes, List<Workspace> workspaces) {
      int round = step * lanes.count();
      return IntStream.iterate(0, from -> from < rows.count(), from -> from + round)
          .boxed()
          .flatMap(
              from ->
                  lanes.run(lane -> block(from + lane * step, workspaces.get(lane))).stream()
                      .flatMap(Optional::stream))
          .iterator();
    }

    private Optional<MemorySegment> block(int from, Workspace ws) {
      return from < rows.count() ? Optional.of(make(from, ws).data()) : Optional.empty();
    }
  }

  /// Workspace bytes of a lane for a merged folder.
  long laneBytes() {
    return laneBytes(folder(null), false);
  }

  /// Workspace bytes of a lane, by a dry run over one block of every weight.
  private long laneBytes(MergedTensors.Sink to, boolean all) {
    try (Workspace ws = Workspace.measuring();
        Scope scope = Scope.measuring()) {
      for (int i = 0; i < config.numHiddenLayers(); i++) {
        measure(layer(i, all, scope), to, ws);
      }
      measure(ends(all, scope), to, ws);
      return ws.peak();
    }
  }

  private void measure(Map<String, ChangedTensors.Rows> rows, MergedTensors.Sink to, Workspace ws) {
    rows.forEach((name, each) -> new Blocks(each, to.of(name), 1).make(0, ws));
  }

  /// Copies the base's index; an index that names constants of quantised weights is rewritten.
  private void index(Path from, Path folder, Map<Path, List<Entry>> files) {
    Path to = folder.resolve(from.getFileName().toString());
    if (entries.keySet().equals(base.file().names()) && tokens == config.vocabSize()) {
      OutFolder.copy(from, to);
      return;
    }
    Map<String, Object> fileOf = new TreeMap<>();
    long size = entries.values().stream().mapToLong(Entry::bytes).sum();
    files.forEach(
        (file, all) -> all.forEach(e -> fileOf.put(e.name(), folder.relativize(file).toString())));
    Map<String, Object> index = new LinkedHashMap<>();
    index.put("metadata", Map.of("total_size", size));
    index.put("weight_map", fileOf);
    OutFolder.place(to, PythonJson.write(index) + "\n");
  }
}
