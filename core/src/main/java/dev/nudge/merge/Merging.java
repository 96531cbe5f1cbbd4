package dev.nudge.merge;

import dev.nudge.format.DiskRoom;
import dev.nudge.format.Entry;
import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.WeightFile;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.Quantization;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Modules;
import dev.nudge.python.PythonJson;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import dev.nudge.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Merges adapters into a base model, checks the result, and writes a standalone model folder.
///
/// The folder is written to a staging folder, loaded again like any other model and compared with
/// base + adapters on [ProbeText]'s text; only within the tolerance is it renamed into place. The
/// comparison computes in fp32 unless `--compute bf16` is given, so that the verdict is the same on
/// every processor: weights are compared, not kernels.
///
/// Memory: blocks of weights (at most 256 MB), the adapters of one layer, and for a dense base that
/// was trained in 4 bits, one layer in 4 bits. At most 1 GiB beyond the largest tensor of the
/// written folder, the JVM included, for any Llama up to 405B (`MergeMemoryTest`).
public final class Merging {
  private final MergeSettings settings;
  private final Machine machine;
  private final ModelConfig config;
  private final Quantization quantization;
  private final Backend fp32;
  private final Backend compute;
  private final List<int[]> probe;
  private final long blockBytes;

  private Merging(
      MergeSettings settings,
      Machine machine,
      ModelConfig config,
      Quantization quantization,
      Backend fp32,
      Backend compute,
      List<int[]> probe,
      long blockBytes) {
    this.settings = settings;
    this.machine = machine;
    this.config = config;
    this.quantization = quantization;
    this.fp32 = fp32;
    this.compute = compute;
    this.probe = probe;
    this.blockBytes = blockBytes;
  }

  /// Checks everything that can be wrong before anything is written.
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line
  public static Merging prepare(
      MergeSettings settings, Machine machine, Consumer<String> warnings) {
    ModelSettings model = settings.model();
    ModelConfig config = ModelConfig.load(model.model());
    Checkpoint.check(model.model(), config);
    Checkpoint.checkRest(model.model(), config);
    List<String> ofAdapters = new ArrayList<>(); // shown if the adapters load
    Quantization quantization = quantization(settings, config, ofAdapters::add);
    identify(settings, quantization, machine, ofAdapters::add);
    List<Integer> ids;
    try (AdapterStack adapters =
        AdapterStack.open(settings, base(settings, quantization, machine), config, Dtype.F32)) {
      MergedFolder.check(settings);
      ids = adapters.tokens();
    }
    ofAdapters.forEach(warnings);
    Backend fp32 = Backend.resolve(Compute.FP32, machine.cache(), config.widths());
    Backend compute =
        model.compute() == Compute.BF16
            ? Backend.resolve(Compute.BF16, machine.cache(), config.widths())
            : fp32;
    compute.notes().forEach(warnings);
    int most = model.maxLength() == null ? config.maxPositionEmbeddings() : model.maxLength();
    List<int[]> probe =
        new ArrayList<>(ProbeText.of(model.model(), config, most, machine.cache(), warnings));
    if (!ids.isEmpty()) {
      probe.add(ProbeText.of(ids, probe.getFirst(), most));
    }
    Merging merging =
        new Merging(
            settings, machine, config, quantization, fp32, compute, probe, StreamedLm.BLOCK_BYTES);
    merging.checkRoom();
    return merging;
  }

  /// Checks the disk space: the dense folder is written first, the 4-bit folder beside it; an
  /// existing folder stays until both are done.
  private void checkRoom() {
    Path model = settings.model().model();
    boolean quantised = settings.store() != MergeSettings.Store.BASE;
    long bytes = ModelFolder.copiedBytes(model);
    try (StreamedLm base = open(model, config, fp32, quantization);
        AdapterStack adapters = stack()) {
      Collection<Entry> dense =
          new MergedWeights(base, config, adapters, fp32, blockBytes).entries();
      bytes += dense.stream().mapToLong(Entry::bytes).sum();
      if (quantised) {
        bytes += QuantizedFolder.bytes(dense, config, quantising(model, settings.out()));
      }
    }
    String what = quantised ? "a dense model, and one in four bits beside it" : "a model";
    DiskRoom.check(settings.out(), bytes, what, "");
  }

  /// Returns this merge with another maximum of bytes per computed block.
  Merging inBlocksOf(long bytes) {
    return new Merging(settings, machine, config, quantization, fp32, compute, probe, bytes);
  }

  /// Resolves the base's quantisation for the merge.
  static Quantization quantization(
      MergeSettings settings, ModelConfig config, Consumer<String> warnings) {
    ModelSettings given = ofBase(settings);
    Quantization resolved = Quantization.resolve(given, config);
    Path model = given.model();
    if (settings.into() == MergeSettings.Into.TRAINED) {
      boolean stored = Quantization.resolve(ModelSettings.of(model), config).any();
      return stored ? resolved : trained(settings, resolved, config, warnings);
    }
    Quantize wanted = settings.model().quantize();
    if (wanted != null && wanted != Quantize.NONE) {
      throw new InputException(
          "--into original and --quantize %s are both given; --into original takes the weights as they are stored, so leave one out"
              .formatted(wanted.shown()));
    }
    if (resolved.any()) {
      throw new InputException(
          "--into original: the weights in "
              + model
              + " are stored in "
              + resolved.name()
              + "; give --model the folder that they were quantised from, or leave --into out");
    }
    return Quantization.NONE;
  }

  /// The settings of the base: without `--quantize`, `--double-quant` beside `--store` applies to
  /// the written folder.
  private static ModelSettings ofBase(MergeSettings settings) {
    ModelSettings given = settings.model();
    boolean ofStore = settings.store() != MergeSettings.Store.BASE && given.quantize() == null;
    return ofStore ? given.held(null, null) : given;
  }

  /// A dense base's quantisation in training: from the first adapter's `nudge.json`, else the
  /// flags.
  private static Quantization trained(
      MergeSettings settings, Quantization flags, ModelConfig config, Consumer<String> warnings) {
    ModelSettings given = settings.model();
    for (String adapter : settings.adapter()) {
      Identity identity = Identity.read(Path.of(adapter), given.anyBase());
      if (identity == null) {
        continue;
      }
      ModelSettings asking = Quantization.of(identity.format()).asking(given.held(null, null));
      Quantization named = Quantization.resolve(asking, config);
      if (given.quantize() != null && !named.equals(flags)) {
        warnings.accept(
            "--quantize is ignored: adapter %s was trained on %s; --into original takes the model's own weights"
                .formatted(adapter, identity.held()));
      }
      return named;
    }
    return flags;
  }

  /// Checks that every adapter was trained on the base.
  static void identify(
      MergeSettings settings, Quantization q, Machine machine, Consumer<String> warnings) {
    Identity.Model base = base(settings, q, machine);
    for (String adapter : settings.adapter()) {
      Identity.check(Path.of(adapter), base, settings.model().anyBase(), warnings);
    }
  }

  private static Identity.Model base(MergeSettings settings, Quantization q, Machine machine) {
    Path model = settings.model().model();
    return new Identity.Model(model, q.format(), () -> BaseDigest.of(model, machine.cache()));
  }

  private AdapterStack stack() {
    return AdapterStack.open(
        settings, base(settings, quantization, machine), config, fp32.compute());
  }

  /// Merges, compares, and writes the folder if the difference is within the tolerance.
  ///
  /// @param cancelled asked between layers
  /// @return the result; null if cancelled. No files are left unless it is accepted
  /// @throws RunException if writing fails
  public @Nullable Merged run(BooleanSupplier cancelled) {
    long start = System.nanoTime();
    try (StreamedLm base = open(settings.model().model(), config, fp32, quantization);
        AdapterStack adapters = stack();
        NewFolder folder = NewFolder.at(settings.out())) {
      MergedWeights weights = new MergedWeights(base, config, adapters, fp32, blockBytes);
      long bytes = write(folder.path(), base, weights, adapters, cancelled);
      if (settings.store() != MergeSettings.Store.BASE) {
        QuantizedFolder.Written quantised = quantise(folder.path(), cancelled);
        if (quantised == null) {
          return null;
        }
        bytes = quantised.bytes();
      }
      ModelDifference difference = compare(adapters, folder.path(), cancelled);
      boolean accepted = difference.kl() <= settings.tolerance(); // false if NaN
      if (accepted) {
        MergedFolder.place(folder, settings);
      }
      return new Merged(
          accepted,
          settings.out(),
          parts(),
          weights.changed(),
          bytes,
          difference,
          settings.tolerance(),
          (System.nanoTime() - start) / 1e9);
    } catch (StreamedLm.Cancelled e) {
      return null;
    }
  }

  private StreamedLm open(Path folder, ModelConfig of, Backend backend, Quantization held) {
    return StreamedLm.open(folder, of, backend, held, blockBytes);
  }

  private List<Merged.Part> parts() {
    List<Merged.Part> parts = new ArrayList<>();
    for (int i = 0; i < settings.adapter().size(); i++) {
      parts.add(new Merged.Part(Path.of(settings.adapter().get(i)), settings.scales().get(i)));
    }
    return parts;
  }

  private int threads() {
    Integer given = settings.model().threads();
    return given == null ? machine.threads() : given;
  }

  private long write(
      Path folder,
      StreamedLm base,
      MergedWeights weights,
      AdapterStack adapters,
      BooleanSupplier cancelled) {
    Path model = settings.model().model();
    long bytes = weights.write(folder, threads(), cancelled);
    ModelFolder.copy(model, folder);
    Path tokenizer = adapters.tokenizer();
    if (tokenizer != null) {
      OutFolder.copy(tokenizer, folder.resolve("tokenizer.json"));
    }
    String template = template(model);
    if (template != null) {
      speakBy(template, folder);
    }
    Path from = model.resolve(MergedFolder.CONFIG);
    Path to = folder.resolve(MergedFolder.CONFIG);
    boolean stored = !base.dense().keySet().equals(base.file().names());
    if (stored || weights.parted() || weights.tokens() != config.vocabSize()) {
      Map<String, @Nullable Object> values = Quantization.withoutConfig(from);
      MergedFolder.ends(values, config, weights.tokens(), weights.parted());
      OutFolder.place(to, PythonJson.write(values) + "\n");
    } else {
      OutFolder.copy(from, to);
    }
    return bytes;
  }

  /// Makes a template the default, also with tools: an adapter's overrides the model's.
  private static void speakBy(String template, Path folder) {
    OutFolder.place(folder.resolve("chat_template.jinja"), template);
    try {
      for (String place : FolderText.TEMPLATES) {
        OutFolder.delete(folder.resolve(place).resolve(ChatTemplate.TOOL_USE));
      }
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  /// The chat template of the first adapter that has one; null: the model's.
  private @Nullable String template(Path model) {
    String usual = ChatTemplate.usual(model);
    return settings.adapter().stream()
        .map(adapter -> Optional.ofNullable(ChatTemplate.usual(Path.of(adapter))))
        .flatMap(Optional::stream)
        .findFirst()
        .filter(own -> !own.equals(usual))
        .orElse(null);
  }

  /// Quantises the merged folder to 4 bits: the same bytes as `quantize` writes.
  private QuantizedFolder.@Nullable Written quantise(Path folder, BooleanSupplier cancelled) {
    Path quantised = folder.resolve("quantised");
    try {
      QuantizedFolder.Written written =
          QuantizedFolder.prepare(quantising(folder, quantised)).write(fp32.kernels(), cancelled);
      if (written == null) {
        return null;
      }
      try (WeightFile dense = WeightFile.open(folder)) {
        for (Path file : dense.files()) {
          OutFolder.delete(file);
        }
        if (dense.index() != null) {
          OutFolder.delete(dense.index());
        }
      }
      try (Stream<Path> files = Files.list(quantised)) {
        for (Path file : files.filter(file -> !OutFolder.isOurs(file)).toList()) {
          Path to = folder.resolve(file.getFileName());
          if (Files.isDirectory(to)) {
            OutFolder.delete(to); // the same templates, which a move does not replace
          }
          OutFolder.move(file, to);
        }
      }
      OutFolder.delete(quantised);
      return written;
    } catch (IOException e) {
      throw new RunException("cannot write " + folder + ": " + OutFolder.reason(e), e);
    }
  }

  private QuantizeSettings quantising(Path from, Path to) {
    Boolean given = settings.model().doubleQuant();
    return QuantizeSettings.of(from, to)
        .withMethod(written(settings.store()))
        .withDoubleQuant(given == null || given);
  }

  private static QuantizeSettings.Format written(MergeSettings.Store store) {
    return switch (store) {
      case BASE -> throw new IllegalArgumentException("a base's files are copied");
      case NF4 -> QuantizeSettings.Format.NF4;
    };
  }

  private ModelDifference compare(AdapterStack adapters, Path folder, BooleanSupplier cancelled) {
    Path model = settings.model().model();
    ModelConfig merged = ModelConfig.load(folder);
    Checkpoint.check(folder, merged);
    Quantization stored = Quantization.resolve(ModelSettings.of(folder), merged);
    AdapterStack own = adapters.in(compute.compute());
    int rows = ModelDifference.rows(merged.vocabSize());
    int tokens = probe.stream().mapToInt(ids -> ids.length).sum();
    try (StreamedLm reference = open(model, config, compute, quantization);
        StreamedLm other = open(folder, merged, compute, stored);
        Scope scope = Scope.open("comparison");
        Workspace ws =
            new Workspace(
                0,
                Math.max(
                    reference.bytes(probe, own, rows),
                    other.bytes(probe, StreamedLm.Dressing.NONE, rows)),
                compute.gemms().apply(threads()))) {
      Tensor a = scope.tensor(compute.compute(), tokens, config.hiddenSize());
      Tensor b = scope.tensor(compute.compute(), tokens, config.hiddenSize());
      Modules ends = reference.ends(own, scope);
      Modules otherEnds = other.ends(scope);
      reference.hidden(probe, own, ends, a, ws, cancelled);
      other.hidden(probe, StreamedLm.Dressing.NONE, otherEnds, b, ws, cancelled);
      return ModelDifference.of(
          new ModelDifference.Side(reference, Objects.requireNonNull(ends.head()).linear(), a),
          new ModelDifference.Side(other, Objects.requireNonNull(otherEnds.head()).linear(), b),
          probe,
          merged.vocabSize(),
          ws);
    }
  }

  /// Marks merged model folders: `nudge.json` names the base, the adapters and the files, so that
  /// `--overwrite` removes exactly those files.
  private static final class MergedFolder {
    static final String CONFIG = "config.json";
    private static final String MARK = "nudge.json";

    private MergedFolder() {}

    /// Checks that a merged model may be written to `--out`; nothing is touched.
    ///
    /// @throws InputException if other files are in the way
    static void check(MergeSettings settings) {
      Path out = settings.out();
      OutFolder.mend(out);
      Path model = settings.model().model();
      ModelFolder.checkPlace(
          out, model, mark(out) != null, "merged", "merge", settings.overwrite());
    }

    private static @Nullable JsonNode mark(Path folder) {
      JsonNode mark = Json.readOrMissing(folder.resolve(MARK));
      return mark.path("merged").isObject() ? mark : null;
    }

    /// Updates vocabulary size and weight tying in a `config.json`.
    ///
    /// @param parted whether the head is no longer tied to the embedding
    static void ends(
        Map<String, @Nullable Object> values, ModelConfig config, int tokens, boolean parted) {
      List<Map<String, @Nullable Object>> all = new ArrayList<>(List.of(values));
      if (values.get("text_config") instanceof Map<?, ?> text) {
        Map<String, @Nullable Object> inner = new LinkedHashMap<>();
        text.forEach((key, value) -> inner.put(String.valueOf(key), value));
        values.put("text_config", inner);
        all.add(inner);
      }
      if (tokens != config.vocabSize()) {
        all.getLast().put("vocab_size", tokens);
      }
      if (parted) {
        all.forEach(each -> each.put("tie_word_embeddings", false));
      }
    }

    /// Writes `nudge.json` and renames the whole folder into place.
    static void place(NewFolder folder, MergeSettings settings) {
      Map<String, Object> merged = new LinkedHashMap<>();
      merged.put("base", settings.model().model().toString());
      List<Object> adapters = new ArrayList<>();
      for (int i = 0; i < settings.adapter().size(); i++) {
        adapters.add(
            new TreeMap<>(
                Map.of("adapter", settings.adapter().get(i), "scale", settings.scales().get(i))));
      }
      merged.put("adapters", adapters);
      merged.put("into", settings.into() == MergeSettings.Into.TRAINED ? "trained" : "original");
      Map<String, Object> mark = new LinkedHashMap<>();
      mark.put("merged", merged);
      mark.put("files", folder.names().stream().filter(name -> !name.equals(MARK)).toList());
      OutFolder.place(folder.path().resolve(MARK), PythonJson.write(mark) + "\n");
      folder.place(files(settings.out()));
    }

    /// The files of the merged model in a folder; a name that leads out of the folder is skipped.
    private static List<String> files(Path out) {
      JsonNode mark = mark(out);
      List<String> files = new ArrayList<>();
      if (mark != null) {
        Path root = out.toAbsolutePath().normalize();
        for (JsonNode file : mark.path("files")) {
          String name = file.asString("");
          if (!name.isEmpty() && root.resolve(name).normalize().startsWith(root)) {
            files.add(name);
          }
        }
      }
      return files;
    }
  }
}
