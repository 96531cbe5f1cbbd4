package dev.nudge.model;

import dev.nudge.format.Entry;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.HeadLoss;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.Assembly;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.Parts;
import dev.nudge.model.rope.Ropes;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.LookupLinear;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Segments;
import dev.nudge.nn.StoredLinear;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Runs a model of any size with one layer in memory at a time: for merging and comparing.
///
/// All sequences go through a layer before the next one is read, so each weight is read once. They
/// run in groups of fewer than 256 tokens; with more, products would copy their weight. Weights are
/// converted some rows at a time: at most one layer's quantised weights are in memory, if they are
/// not in the file.
///
/// Threading: one thread.
public final class StreamedLm implements AutoCloseable {
  private static final int GROUP = 255; // tokens

  /// Maximum bytes of a weight that are converted at a time.
  public static final long BLOCK_BYTES = 32 << 20;

  private final ModelWeights weights;
  private final WeightFile file;
  private final ModelConfig config;
  private final Backend backend;
  private final Quantization quantization;
  private final long blockBytes;
  private final Ropes ropes;

  /// Callback that wraps a layer's slots before the layer runs, for example with an adapter. Its
  /// scope is freed after the layer; a measuring scope needs shapes only.
  public interface Dressing {
    /// @param part the modules of a decoder layer, or the embedding, final norm and head
    void put(Modules part, Scope scope);

    /// Wraps nothing: the plain model.
    Dressing NONE = (part, scope) -> {};
  }

  /// Thrown from a pass that was cancelled.
  public static final class Cancelled extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @throws Cancelled if it returns true
    public static void check(BooleanSupplier cancelled) {
      if (cancelled.getAsBoolean()) {
        throw new Cancelled();
      }
    }
  }

  private StreamedLm(
      ModelWeights weights,
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      long blockBytes) {
    this.weights = weights;
    this.file = weights.file();
    this.config = config;
    this.backend = backend;
    this.quantization = weights.held(quantization);
    this.blockBytes = blockBytes;
    this.ropes = new Ropes(backend.compute());
  }

  /// Opens a folder that [Checkpoint#check] has passed.
  ///
  /// @param quantization how dense layers are held while they compute
  /// @param blockBytes bytes of a weight converted at a time, at most, such as [#BLOCK_BYTES]
  public static StreamedLm open(
      Path folder,
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      long blockBytes) {
    return new StreamedLm(
        ModelWeights.open(folder, config), config, backend, quantization, blockBytes);
  }

  /// The weight file of the model.
  public WeightFile file() {
    return file;
  }

  /// The modules of one decoder layer, its linear layers in the checkpoint's order.
  ///
  /// @param scope owns tensors not read in place; a measuring scope counts bytes and gets shapes
  public Modules layer(int layer, Scope scope) {
    return decoder(layer, scope).modules();
  }

  /// A decoder layer and the modules in it.
  public record Decoder(DecoderLayer layer, Modules modules) {}

  /// One decoder layer that can run; its weights are as in [#layer].
  public Decoder decoder(int layer, Scope scope) {
    Parts parts = parts(config.layer(layer), scope);
    DecoderLayer made = config.family().layer(config, layer, parts);
    return new Decoder(made, parts.modules(null, null));
  }

  /// Extends the rotary tables to sequences of `positions` tokens.
  public void reserve(int positions) {
    ropes.reserve(positions);
  }

  /// The modules outside the decoder layers: the embedding, the final norm and the head.
  public Modules ends(Scope scope) {
    Parts parts = parts(config.place().tensors() + "norm.", scope);
    Assembly.norm(config, parts);
    Embedding embedding = new Embedding(table(config.embedding()), -1, config.embeddingScale());
    String name = config.tieWordEmbeddings() ? config.embedding() : config.head();
    LinearSlot head = new LinearSlot(config.headModule(), config.head(), table(name));
    return parts.modules(head, embedding);
  }

  /// The embedding or output head as it is stored, of any type.
  private LookupLinear table(String name) {
    long[] shape = Objects.requireNonNull(config.tensors().get(name), name);
    WeightFormat format = weights.layers().format(name, shape);
    return format == null
        ? DenseLinear.of(file.tensor(name), null)
        : StoredLinear.ofRows(
            format.open(file, WeightFormats.module(name), (int) shape[0], (int) shape[1]),
            null,
            backend.compute(),
            blockBytes);
  }

  /// The modules outside the decoder layers after a dressing wrapped them.
  public Modules ends(Dressing dressing, Scope scope) {
    Modules ends = ends(scope);
    dressing.put(ends, scope);
    return ends;
  }

  /// Tells whether a linear layer computes with quantised weights.
  public boolean quantised(String path) {
    return quantization.covers(path);
  }

  /// Tells whether the embedding or output head of this name is stored in a quantised format.
  public boolean holdsEnd(String weight) {
    return quantization.ends().contains(WeightFormats.module(weight));
  }

  /// The tensors of the file as in a dense checkpoint: quantised layers with the type that they had
  /// before quantisation, without their constants.
  public Map<String, Entry> dense() {
    Map<String, Entry> entries = new TreeMap<>();
    file.names().forEach(name -> entries.put(name, file.entry(name)));
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              WeightFormat format = weights.layers().format(name, shape);
              if (format != null) {
                String path = WeightFormats.module(name);
                Dtype before = format.before(file, path, (int) shape[0], (int) shape[1]);
                format.parts(path).forEach(entries::remove);
                entries.put(name, Entry.of(name, before, shape));
              }
            });
    return entries;
  }

  /// The file that holds the numbers of a tensor of [#dense]; null if no file does.
  public @Nullable Path file(String name) {
    String there = file.names().contains(name) ? name : weights.numbers(WeightFormats.module(name));
    return file.names().contains(there) ? file.file(there) : null;
  }

  /// Drops the pages of a layer's weights from the page cache.
  public void drop(int layer) {
    String prefix = config.layer(layer);
    file.names().stream()
        .filter(n -> n.startsWith(prefix))
        .forEach(n -> PageAdvice.drop(file.bytes(n)));
  }

  private Parts parts(String prefix, Scope scope) {
    Backend b = scope.dry() ? backend.dry() : backend;
    Map<String, long[]> shapes = config.tensors();
    shapes.keySet().removeIf(name -> !name.startsWith(prefix));
    return new Parts(
        config, HeldWeights.once(weights, shapes, b, quantization, scope, blockBytes), ropes);
  }

  /// Bytes that a workspace needs for [#hidden] and [#logits].
  public long bytes(List<int[]> sequences, Dressing dressing, int rows) {
    int tokens = sequences.stream().mapToInt(s -> s.length).sum();
    try (Workspace ws = Workspace.measuring();
        Scope scope = Scope.measuring()) {
      Modules ends = ends(dressing, scope);
      Linear head = Objects.requireNonNull(ends.head()).linear();
      Tensor out = Tensor.dry(backend.compute(), tokens, config.hiddenSize());
      hidden(sequences, dressing, ends, out, ws, () -> false);
      logits(
          Tensor.dry(backend.compute(), rows, config.hiddenSize()),
          head,
          Tensor.dry(backend.compute().accumulator(), rows, head.out()),
          ws);
      return ws.peak();
    }
  }

  /// Builds each layer from the file when needed, then wraps it.
  ///
  /// @param dry whether only memory is measured
  private record Turns(StreamedLm model, Dressing dressing, boolean dry, BooleanSupplier cancelled)
      implements Layers {
    @Override
    public int count() {
      return model.config.numHiddenLayers();
    }

    @Override
    public void lend(int i, Consumer<DecoderLayer> use) {
      Cancelled.check(cancelled);
      try (Scope scope = dry ? Scope.measuring() : Scope.open("layer")) {
        Decoder decoder = model.decoder(i, scope);
        dressing.put(decoder.modules, scope);
        use.accept(decoder.layer);
      }
      model.drop(i);
    }
  }

  /// Computes the hidden states after the final norm; cancellable between layers.
  ///
  /// @param sequences token ids
  /// @param ends from [#ends] with the same dressing
  /// @param out receives (tokens, width) in the compute type: the sequences, concatenated
  /// @throws Cancelled if `cancelled` returned true
  public void hidden(
      List<int[]> sequences,
      Dressing dressing,
      Modules ends,
      Tensor out,
      Workspace ws,
      BooleanSupplier cancelled) {
    ws.reset();
    reserve(sequences.stream().mapToInt(s -> s.length).max().orElse(0));
    List<Layers.Flow> flows = flows(sequences, Objects.requireNonNull(ends.embedding()), ws);
    int layers = config.numHiddenLayers();
    Layers.forward(
        new Turns(this, dressing, ws.dry(), cancelled),
        flows,
        Collections.nCopies(layers, Recompute.NONE),
        layers);
    Norm norm = ends.norms().values().iterator().next();
    int row = 0;
    for (Layers.Flow f : flows) {
      norm.forward(f.stream(), f.stream().x(), f.pass());
      int rows = f.stream().x().rows();
      f.pass().kernels().elementwise().copy(f.stream().branch(), out.rows(row, row + rows));
      row += rows;
    }
  }

  private List<Layers.Flow> flows(List<int[]> sequences, Embedding embedding, Workspace ws) {
    Kernels kernels = ws.dry() ? backend.kernels().dry() : backend.kernels();
    List<List<int[]>> groups = groups(sequences);
    int most = groups.stream().mapToInt(StreamedLm::tokens).max().orElse(0);
    int width =
        config.layers().stream()
            .mapToInt(layer -> layer.scratch(config.hiddenSize()))
            .max()
            .orElseThrow();
    Tensor inner = ws.take(backend.compute(), most, width);
    List<Layers.Flow> flows = new ArrayList<>();
    for (List<int[]> group : groups) {
      int[] ids = group.stream().flatMapToInt(Arrays::stream).toArray();
      int[] lengths = group.stream().mapToInt(s -> s.length).toArray();
      Segments segments = Segments.of(lengths, new long[lengths.length], ws);
      Pass pass = new Pass(null, segments, ws, kernels, Dropout.NONE);
      Tensor x = ws.take(backend.compute(), ids.length, config.hiddenSize());
      embedding.forward(ws.ints(ids), x, pass);
      flows.add(new Layers.Flow(new Residual(x, false, ws), inner.rows(0, ids.length), pass));
    }
    return flows;
  }

  private static int tokens(List<int[]> group) {
    return group.stream().mapToInt(s -> s.length).sum();
  }

  /// Groups sequences, in their order, that go through a layer together.
  private static List<List<int[]>> groups(List<int[]> sequences) {
    List<List<int[]>> groups = new ArrayList<>();
    for (int[] sequence : sequences) {
      if (groups.isEmpty() || tokens(groups.getLast()) + sequence.length > GROUP) {
        groups.add(new ArrayList<>());
      }
      groups.getLast().add(sequence);
    }
    return groups;
  }

  /// Computes logits of some rows, one part of the vocabulary at a time.
  ///
  /// @param hidden (rows, width) of [#hidden]
  /// @param head of [#ends]
  /// @param out receives (rows, vocabulary) in the accumulator type
  public void logits(Tensor hidden, Linear head, Tensor out, Workspace ws) {
    ws.reset();
    Dtype compute = backend.compute();
    Kernels kernels = ws.dry() ? backend.kernels().dry() : backend.kernels();
    Linear table = head.under();
    int step = (int) Math.clamp(blockBytes / ((long) table.in() * compute.bytes()), 1, table.out());
    Tensor room = ws.take(compute, step, table.in());
    for (int from = 0; from < table.out(); from += step) {
      int to = Math.min(table.out(), from + step);
      int mark = ws.mark();
      Tensor stored = table.weight(from, to, ws, kernels);
      Tensor block = room.rows(0, to - from);
      kernels.elementwise().copy(stored, block);
      ws.gemm().multiply(hidden, Packed.plain(block.transposed()), out.cols(from, to), false);
      PageAdvice.drop(stored.data());
      ws.release(mark);
    }
    int rows = hidden.rows();
    Segments one = Segments.of(new int[] {rows}, new long[1], ws);
    HeadLoss.Beside beside = head.beside(new Pass(null, one, ws, kernels, Dropout.NONE), null);
    if (beside != null) {
      beside.forward(0, rows, hidden, out, ws);
    }
    config.logits().apply(out, kernels);
  }

  @Override
  public void close() {
    ropes.close();
    weights.close();
  }
}
