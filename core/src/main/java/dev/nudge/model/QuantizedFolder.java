package dev.nudge.model;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.DiskRoom;
import dev.nudge.format.Entry;
import dev.nudge.format.FoldedScales;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.quant.WritableFormat;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Writes a quantised copy of a model folder that transformers can load. Other tensors are copied
/// unchanged.
///
/// Layers are quantised in parallel, as many as half a gigabyte holds, and written in order. The
/// file header precedes the tensors and holds the size of each layer's JSON, which depends on the
/// mean of its scales: with double quantisation the source is therefore read twice.
///
/// The folder is renamed into place as a whole. Its `nudge.json` marks it as one that may be
/// overwritten.
///
/// Threading: one thread calls; layers are quantised on worker threads.
public final class QuantizedFolder {
  /// The file that marks a quantised model, and names its source.
  public static final String MARK = "nudge.json";

  private static final String WEIGHTS = "model.safetensors";
  private static final List<String> BESIDE =
      List.of("lm_head", "model.vision_tower", "model.multi_modal_projector");
  private static final long ROOM_BYTES = 512 << 20; // of layers quantised in parallel

  private final QuantizeSettings settings;
  private final ModelConfig config;
  private final WritableFormat format;
  private final @Nullable Path cache;

  private QuantizedFolder(
      QuantizeSettings settings, ModelConfig config, WritableFormat format, @Nullable Path cache) {
    this.settings = settings;
    this.config = config;
    this.format = format;
    this.cache = cache;
  }

  /// Describes the written folder.
  ///
  /// @param layers number of quantised layers
  /// @param sourceBytes of the tensors that were read
  /// @param bytes of the tensors that were written
  /// @param calibration of a method with calibration rows; null: none
  public record Written(
      Path out,
      int layers,
      long sourceBytes,
      long bytes,
      double seconds,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Calibration calibration) {}

  /// Calibration statistics, and the result against the source on a probe text.
  ///
  /// @param resumed decoder layers that an earlier call had finished
  /// @param damped linear layers that needed more damping than asked, and how much; 1: rounded to
  ///   nearest
  /// @param kl mean KL divergence of the next-token distributions from those of the source, nats
  /// @param perplexity of the source on the probe text
  /// @param quantizedPerplexity of the result
  public record Calibration(
      int rows,
      long tokens,
      int resumed,
      Map<String, Double> damped,
      double kl,
      double perplexity,
      double quantizedPerplexity) {
    public Calibration {
      damped = Collections.unmodifiableMap(new LinkedHashMap<>(damped));
    }
  }

  /// Checks all that can be wrong before anything is written, but for disk space: for a folder
  /// inside a staging folder. The new folder will not name its source.
  ///
  /// @throws InputException in one line
  public static QuantizedFolder prepare(QuantizeSettings settings) {
    return checked(settings, null);
  }

  /// Checks all that can be wrong before anything is written; the new folder will name its source.
  ///
  /// @param cache cache folder of the user, where the digest of the source is kept
  /// @throws InputException in one line
  public static QuantizedFolder prepare(QuantizeSettings settings, @Nullable Path cache) {
    QuantizedFolder folder = checked(settings, cache);
    folder.checkRoom();
    return folder;
  }

  private static QuantizedFolder checked(QuantizeSettings settings, @Nullable Path cache) {
    settings.check();
    ModelConfig config = ModelConfig.load(settings.model());
    Checkpoint.check(settings.model(), config);
    WritableFormat format = WeightFormats.written(settings);
    checkSource(settings, config, format.name());
    return new QuantizedFolder(settings, config, format, cache);
  }

  /// Checks that a source is dense and that its quantised model may be written.
  ///
  /// @param format name in messages
  public static void checkSource(QuantizeSettings settings, ModelConfig config, String format) {
    try (ModelWeights weights = ModelWeights.open(settings.model(), config)) {
      WeightFile file = weights.file();
      for (String path : config.projections()) {
        String weight = weights.numbers(path);
        if (weights.layers().covers(path)) {
          throw new InputException(
              file.file(weight)
                  + ": "
                  + weight
                  + " is stored in "
                  + weights.layers().name()
                  + " already; a dense model is needed");
        }
        if (file.dtype(weight) == Dtype.F64) {
          throw new InputException(
              file.file(weight)
                  + ": "
                  + weight
                  + " is F64; "
                  + format
                  + " is made of F32, F16 and BF16");
        }
      }
    }
    Path out = settings.out();
    OutFolder.mend(out);
    ModelFolder.checkPlace(
        out, settings.model(), ours(out), "quantised", "write", settings.overwrite());
  }

  private void checkRoom() {
    try (WeightFile file = StackedExperts.open(settings.model(), config)) {
      List<Entry> dense = names(file).stream().map(file::entry).toList();
      DiskRoom.check(
          settings.out(),
          bytes(dense, config, settings) + ModelFolder.copiedBytes(settings.model()),
          "a model in " + format.name(),
          "");
    }
  }

  /// Bytes of a model's tensors after quantisation, without the JSON of each layer.
  public static long bytes(Collection<Entry> dense, ModelConfig config, QuantizeSettings settings) {
    WritableFormat format = WeightFormats.written(settings);
    Set<String> layers = new HashSet<>();
    config.projections().forEach(path -> layers.add(path + ".weight"));
    return dense.stream()
        .mapToLong(e -> layers.contains(e.name()) ? made(format, e).bytes() : e.bytes())
        .sum();
  }

  private static StoredWeight made(WritableFormat format, Entry dense) {
    return format.dry(
        WeightFormats.module(dense.name()), (int) dense.dims()[0], (int) dense.dims()[1]);
  }

  /// Whether a folder holds a model that this verb wrote.
  private static boolean ours(Path out) {
    Path file = out.resolve(MARK);
    if (!Files.isRegularFile(file)) {
      return false;
    }
    ConfigJson mark = ConfigJson.read(file);
    return mark.has("quantization") && mark.has("source");
  }

  /// Writes the model folder; a failure leaves no files.
  ///
  /// @param cancelled asked between layers
  /// @return sizes and times; null if cancelled
  public @Nullable Written write(Kernels kernels, BooleanSupplier cancelled) {
    long start = System.nanoTime();
    try (WeightFile file = StackedExperts.open(settings.model(), config);
        NewFolder folder = NewFolder.at(settings.out())) {
      Path path = folder.path();
      long bytes = weights(file, path.resolve(WEIGHTS), kernels, cancelled);
      ModelFolder.copy(settings.model(), path);
      Map<String, Object> mark = mark(format, settings.model(), cache);
      OutFolder.place(path.resolve(MARK), PythonJson.write(mark) + "\n");
      Dtype compute = file.tensor(config.norm()).dtype();
      config(path, settings.model(), format.config(compute, alone() ? null : BESIDE));
      folder.place(old(settings.out()));
      long source = names(file).stream().mapToLong(n -> file.entry(n).bytes()).sum();
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Written(settings.out(), config.projections().size(), source, bytes, seconds, null);
    } catch (Cancelled e) {
      return null;
    }
  }

  private static final class Cancelled extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /// The files of an existing quantised model that will be replaced.
  public static List<String> old(Path out) {
    if (!ours(out)) {
      return List.of();
    }
    List<String> names = new ArrayList<>(ModelFolder.names(out));
    names.addAll(List.of(MARK, FoldedScales.FILE));
    return names;
  }

  /// The contents of [#MARK].
  ///
  /// @param cache where the digest of the source is kept; null: the source is not named by digest
  public static Map<String, Object> mark(WeightFormat format, Path source, @Nullable Path cache) {
    Map<String, Object> mark = new TreeMap<>();
    mark.put("quantization", new TreeMap<>(WeightFormats.kept(format)));
    mark.put("source", source.toString());
    if (cache != null) {
      mark.put(Identity.SOURCE_DIGEST, BaseDigest.of(source, cache));
    }
    return mark;
  }

  /// The tensors to write: the decoder's, and those of modules beside it, such as a vision tower.
  private Set<String> names(WeightFile file) {
    Set<String> names = new LinkedHashSet<>(config.tensors().keySet());
    if (!alone()) {
      names.addAll(file.names());
    }
    return names;
  }

  private boolean alone() {
    return config.place().equals(ModelConfig.Place.ALONE);
  }

  private long weights(WeightFile file, Path target, Kernels kernels, BooleanSupplier cancelled) {
    Map<String, WritableFormat.Layer> layers = new HashMap<>(); // by the weight's name
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              String path = ModelConfig.projection(name, shape);
              if (path != null) {
                Dtype before = file.dtype(name);
                layers.put(name, format.layer(path, (int) shape[0], (int) shape[1], before));
              }
            });
    if (layers.containsValue(null)) {
      each(
          file,
          kernels,
          cancelled,
          (name, w) ->
              layers.put(name, format.layer(WeightFormats.module(name), file.dtype(name), w)));
    }
    List<Entry> entries = new ArrayList<>();
    for (String name : names(file)) {
      WritableFormat.Layer layer = layers.get(name);
      entries.addAll(layer == null ? List.of(file.entry(name)) : layer.entries());
    }
    try (SafeTensorsWriter to = SafeTensorsWriter.create(target, Map.of("format", "pt"), entries)) {
      names(file).stream()
          .filter(name -> !layers.containsKey(name))
          .forEach(name -> to.write(name, file.bytes(name)));
      each(
          file,
          kernels,
          cancelled,
          (name, w) -> Objects.requireNonNull(layers.get(name)).write(to, w));
    }
    return entries.stream().mapToLong(Entry::bytes).sum();
  }

  private interface Each {
    void take(String name, StoredWeight weight);
  }

  /// Quantises every layer, as many in parallel as memory and processors allow, and passes them on
  /// in order. The first failure stops all.
  private void each(WeightFile file, Kernels kernels, BooleanSupplier cancelled, Each each) {
    AtomicBoolean stopped = new AtomicBoolean();
    AtomicInteger next = new AtomicInteger();
    List<String> paths = config.projections();
    long largest =
        paths.stream()
            .map(path -> file.entry(path + ".weight"))
            .mapToLong(dense -> made(format, dense).bytes() + format.room(dense.elements()))
            .max()
            .orElse(0);
    int processors = Runtime.getRuntime().availableProcessors();
    try (Lanes lanes = new Lanes(sideBySide(largest, processors))) {
      lanes.run(
          lane -> {
            for (int i = next.getAndIncrement(); i < paths.size(); i = next.getAndIncrement()) {
              if (stopped.get() || cancelled.getAsBoolean()) {
                stopped.set(true);
                break;
              }
              String name = paths.get(i) + ".weight";
              Tensor source = file.tensor(name);
              try (Scope scope = Scope.open("quantised layer")) {
                MemorySegment room = scope.allocate(format.room(source.elements()));
                take(name, format.make(source, scope, kernels, room), each, stopped);
              }
              PageAdvice.drop(file.bytes(name));
            }
            return lane;
          });
    }
    if (stopped.get()) {
      throw new Cancelled();
    }
  }

  private static void take(String name, StoredWeight w, Each each, AtomicBoolean stopped) {
    synchronized (stopped) {
      if (stopped.get()) {
        return; // after one failure the writer's errors mislead
      }
      try {
        each.take(name, w);
      } catch (RuntimeException | Error e) {
        stopped.set(true);
        throw e;
      }
    }
  }

  /// Returns how many layers may be quantised in parallel, if each needs up to `bytes` of scratch.
  static int sideBySide(long bytes, int processors) {
    return (int) Math.clamp(ROOM_BYTES / Math.max(1, bytes), 1, processors);
  }

  /// Writes the source's config with a `quantization_config`, keys sorted as transformers does.
  public static void config(Path folder, Path source, Map<String, ?> quantization) {
    Path config = Path.of(ModelFolder.CONFIG);
    Map<String, @Nullable Object> all =
        new TreeMap<>(ConfigJson.read(source.resolve(config)).plain());
    all.put(WeightFormats.KEY, quantization);
    OutFolder.place(folder.resolve(config), PythonJson.write(all) + "\n");
  }

  /// The modules that stay dense: the head, and modules beside the decoder.
  public static List<String> dense(ModelConfig config) {
    return config.place().equals(ModelConfig.Place.ALONE) ? BESIDE.subList(0, 1) : BESIDE;
  }
}
