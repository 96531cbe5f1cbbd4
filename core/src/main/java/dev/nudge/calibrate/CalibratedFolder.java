package dev.nudge.calibrate;

import dev.nudge.data.ChatRows;
import dev.nudge.data.Dataset;
import dev.nudge.data.TokenCache;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.tokens.Example;
import dev.nudge.format.Claim;
import dev.nudge.format.DiskRoom;
import dev.nudge.format.Entry;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.format.WeightFile;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.merge.ModelDifference;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.Quantization;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.GroupedFile;
import dev.nudge.quant.WeightFormat;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.CalibrationSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Writes a model folder in GPTQ or AWQ, from rows that it is calibrated on.
///
/// One decoder layer is in memory at a time, in fp32, and the hidden states of all rows. A layer
/// that is done is written to `OUT.partial` and read back from there, so the next layer sees what
/// readers will. A call that was stopped or killed is gone on with by the same call: finished
/// layers are only run again, to the same bytes. At the end the result is compared with its source,
/// and the folder appears in its place as a whole.
///
/// Threading: one thread calls.
public final class CalibratedFolder {
  private static final String STATE = "quantize.json"; // in the partial folder
  private static final Instant DAY = Instant.parse("2026-01-01T00:00:00Z"); // same tokens each day

  private final QuantizeSettings settings;
  private final Machine machine;
  private final ModelConfig config;
  private final GroupedFile format;
  private final List<int[]> rows;
  private final Consumer<String> warnings;
  private final Path partial;

  private CalibratedFolder(
      QuantizeSettings settings,
      Machine machine,
      ModelConfig config,
      List<int[]> rows,
      Consumer<String> warnings) {
    this.settings = settings;
    this.machine = machine;
    this.config = config;
    this.format = GroupedFile.of(settings);
    this.rows = rows;
    this.warnings = warnings;
    this.partial = partial(settings);
  }

  private static Path partial(QuantizeSettings settings) {
    Path out = settings.out().toAbsolutePath().normalize();
    return out.resolveSibling(out.getFileName() + ".partial");
  }

  /// Receives how far a call is.
  public interface Progress {
    /// Says that a layer is done.
    ///
    /// @param layers done of `all`
    /// @param resumed of them, those that an earlier call had quantised
    void done(int layers, int all, int resumed);
  }

  /// Checks all that can be wrong before anything is written, and reads the rows.
  ///
  /// @param warnings receives one line each, also while the folder is written
  /// @throws InputException in one line
  public static CalibratedFolder prepare(
      QuantizeSettings settings, Machine machine, Consumer<String> warnings) {
    settings.check(); // before files are asked for
    return prepare(settings, settings.calibration().data(), machine, warnings);
  }

  /// Does the same with rows that are read in a certain way: patterns, a shape, a template.
  ///
  /// @param data names the files of the settings' `calibration`
  public static CalibratedFolder prepare(
      QuantizeSettings settings, DataSettings data, Machine machine, Consumer<String> warnings) {
    settings.check();
    RowReader.open(data.data()); // a file that is not there is told before what does not fit
    ModelConfig config = checked(settings);
    List<int[]> rows = read(settings, data, config, machine, warnings);
    return new CalibratedFolder(settings, machine, config, rows, warnings);
  }

  /// Checks everything but the rows, which are given.
  static CalibratedFolder prepare(
      QuantizeSettings settings, Machine machine, List<int[]> rows, Consumer<String> warnings) {
    settings.check();
    return new CalibratedFolder(settings, machine, checked(settings), rows, warnings);
  }

  private static ModelConfig checked(QuantizeSettings settings) {
    ModelConfig config = ModelConfig.load(settings.model());
    Checkpoint.check(settings.model(), config);
    checkFit(settings, config);
    GroupedFile format = GroupedFile.of(settings);
    QuantizedFolder.checkSource(settings, config, format.layout().toString());
    long bytes = needed(settings, config, format);
    DiskRoom.check(settings.out(), bytes, "a model in " + format.layout(), "");
    return config;
  }

  /// Bytes that a call still writes. What the partial folder holds is kept, or deleted first if it
  /// is another call's.
  static long needed(QuantizeSettings settings, ModelConfig config, GroupedFile format) {
    Map<String, long[]> shapes = config.tensors();
    long bytes = ModelFolder.copiedBytes(settings.model());
    try (WeightFile file = WeightFile.open(settings.model())) {
      bytes += file.names().stream().mapToLong(name -> file.entry(name).bytes()).sum();
      for (String path : config.projections()) {
        long[] shape = Objects.requireNonNull(shapes.get(path + ".weight"));
        Entry dense = file.entry(path + ".weight");
        int out = (int) shape[0];
        int in = (int) shape[1];
        bytes -= dense.bytes();
        bytes +=
            format.entries(path, out, in, Objects.requireNonNull(dense.type().dtype())).stream()
                .mapToLong(Entry::bytes)
                .sum();
      }
    }
    Path partial = partial(settings);
    boolean ours = Files.isRegularFile(partial.resolve(STATE));
    return bytes - (ours ? new LayerFiles(partial, config, format).bytes() : 0);
  }

  /// Checks that the method can quantise the layers of a model's shapes.
  ///
  /// @throws InputException if it knows no such layers, or the group size does not fit one
  public static void checkFit(QuantizeSettings settings, ModelConfig config) {
    if (config.hasExperts()) {
      throw new InputException(
          "%s does not know mixtures of experts; nf4 quantises every expert"
              .formatted(settings.method().name().toLowerCase(Locale.ROOT)));
    }
    if (config.recurrent()) {
      throw new InputException(
          "%s does not know layers without attention; nf4 quantises their projections"
              .formatted(settings.method().name().toLowerCase(Locale.ROOT)));
    }
    GroupedFile format = GroupedFile.of(settings);
    Map<String, long[]> shapes = config.tensors();
    for (String path : config.projections()) {
      long[] shape = Objects.requireNonNull(shapes.get(path + ".weight"));
      String misfit = format.misfit((int) shape[0], (int) shape[1]);
      if (misfit != null) {
        throw new InputException(misfit + " " + path + advice(format, config));
      }
    }
  }

  /// The group sizes that fit all layers.
  private static String advice(GroupedFile format, ModelConfig config) {
    List<String> fitting = new ArrayList<>();
    for (int group : new int[] {128, 64, 32, 16, 8, CalibrationSettings.WHOLE_ROW}) {
      GroupedFile other =
          new GroupedFile(
              format.layout(), format.bits(), group, format.symmetric(), format.scattered());
      if (config.tensors().entrySet().stream()
          .filter(e -> config.projections().contains(e.getKey().replaceAll("\\.weight$", "")))
          .allMatch(e -> other.misfit((int) e.getValue()[0], (int) e.getValue()[1]) == null)) {
        fitting.add(String.valueOf(group));
      }
    }
    return fitting.isEmpty()
        ? "; give --format compressed-tensors"
        : "; give --group-size " + String.join(" or ", fitting);
  }

  /// Writes the model folder.
  ///
  /// @param cancelled asked between layers; what is done by then stays for the next call
  /// @return null if cancelled
  public QuantizedFolder.@Nullable Written write(Progress progress, BooleanSupplier cancelled) {
    long start = System.nanoTime();
    Backend backend = Backend.resolve(Compute.FP32, machine.cache(), config.widths());
    backend.notes().forEach(warnings);
    try (Claim claim = Claim.of(settings.out());
        StreamedLm model =
            StreamedLm.open(
                settings.model(), config, backend, Quantization.NONE, StreamedLm.BLOCK_BYTES)) {
      begin();
      LayerFiles files = new LayerFiles(partial, config, format);
      Map<String, Double> damped = new LinkedHashMap<>();
      int resumed = layers(model, backend, files, damped, progress, cancelled);
      if (resumed < 0) {
        return null;
      }
      long bytes = files.finish(model.file());
      ModelFolder.copy(settings.model(), partial);
      ModelDifference difference =
          ModelDifference.ofForms(settings.model(), partial, machine, warnings);
      mark(difference);
      place(claim);
      WeightFile source = model.file();
      return new QuantizedFolder.Written(
          settings.out(),
          config.projections().size(),
          source.names().stream().mapToLong(name -> source.entry(name).bytes()).sum(),
          bytes,
          (System.nanoTime() - start) / 1e9,
          new QuantizedFolder.Calibration(
              rows.size(),
              rows.stream().mapToLong(row -> row.length).sum(),
              resumed,
              damped,
              difference.kl(),
              difference.perplexity(),
              difference.mergedPerplexity()));
    }
  }

  /// Makes the partial folder, or keeps it if it is of the same call.
  private void begin() {
    Path state = partial.resolve(STATE);
    String wanted = PythonJson.write(state()) + "\n";
    try {
      if (!Files.isRegularFile(state) && !OutFolder.isFree(partial)) {
        throw new InputException(
            partial
                + " is in the way: layers that are done are kept there; move it, or give another"
                + " --out");
      }
      if (!Files.isRegularFile(state) || !Files.readString(state).equals(wanted)) {
        OutFolder.delete(partial);
        OutFolder.make(partial);
        OutFolder.place(state, wanted);
      }
    } catch (IOException e) {
      throw OutFolder.failure(partial, e);
    }
    QuantizedFolder.config(
        partial, settings.model(), format.config(made(), QuantizedFolder.dense(config)));
  }

  /// What the bytes of a layer follow from.
  private Map<String, @Nullable Object> state() {
    Map<String, @Nullable Object> state = new LinkedHashMap<>();
    state.put("source_digest", BaseDigest.of(settings.model(), machine.cache()));
    state.put("method", settings.method().toString());
    state.put("format", format.toString());
    state.put("made", made());
    Sha256 ids = new Sha256();
    for (int[] row : rows) {
      byte[] text = Arrays.toString(row).getBytes(StandardCharsets.US_ASCII);
      ids.update(MemorySegment.ofArray(text));
    }
    state.put("rows", ids.hex());
    return state;
  }

  private Map<String, Object> made() {
    Map<String, Object> made = new LinkedHashMap<>();
    made.put("quantizer", List.of("nudge"));
    if (settings.method() == QuantizeSettings.Format.GPTQ) {
      made.put("damp_percent", settings.calibration().damping());
      made.put("act_order", settings.calibration().ordered());
      made.put("static_groups", settings.calibration().ordered() && !format.scattered());
      made.put("true_sequential", true);
    }
    return made;
  }

  /// Quantises all layers that are not finished.
  ///
  /// @return how many were finished before; -1 if cancelled
  private int layers(
      StreamedLm model,
      Backend backend,
      LayerFiles files,
      Map<String, Double> damped,
      Progress progress,
      BooleanSupplier cancelled) {
    WeightFormat read = LayerFiles.declared(partial.resolve("config.json"));
    int all = config.numHiddenLayers();
    int resumed = 0;
    try (Gemm gemm = backend.gemms().apply(machine.threads());
        HiddenStates states = new HiddenStates(rows, model, config, backend, machine.threads())) {
      LayerQuantizer quantizer = new LayerQuantizer(settings, config, format, states, gemm);
      for (int i = 0; i < all; i++) {
        if (cancelled.getAsBoolean()) {
          return -1;
        }
        try (Scope scope = Scope.open("layer")) {
          LayerInMemory layer = new LayerInMemory(model, config, i, backend.kernels(), scope);
          if (files.has(i)) {
            resumed++;
          } else {
            damped.putAll(quantizer.quantize(layer, i, scope));
            files.write(i, layer, backend.kernels());
          }
          files.read(i, layer, read, backend.kernels());
          if (i < all - 1) {
            states.advance(layer.decoder().layer());
          }
        }
        model.drop(i);
        progress.done(i + 1, all, resumed);
      }
    }
    damped.forEach(
        (path, damping) -> {
          if (damping >= 1) {
            warnings.accept(
                path + " was rounded to nearest: no damping made its Hessian positive definite");
          }
        });
    return resumed;
  }

  private void mark(ModelDifference difference) {
    Quantization stored = Quantization.resolve(ModelSettings.of(partial), config);
    Map<String, Object> mark =
        QuantizedFolder.mark(
            Objects.requireNonNull(stored.format()), settings.model(), machine.cache());
    mark.put("kl", difference.kl());
    OutFolder.place(partial.resolve(QuantizedFolder.MARK), PythonJson.write(mark) + "\n");
  }

  /// Moves the files into a new folder, and that into its place.
  private void place(Claim claim) {
    try (NewFolder folder = NewFolder.in(claim);
        Stream<Path> all = Files.list(partial)) {
      for (Path file : all.filter(CalibratedFolder::stays).toList()) {
        OutFolder.move(file, folder.path().resolve(file.getFileName()));
      }
      folder.place(QuantizedFolder.old(settings.out()));
      OutFolder.delete(partial);
    } catch (IOException e) {
      throw new RunException("cannot write " + settings.out() + ": " + OutFolder.reason(e), e);
    }
  }

  private static boolean stays(Path file) {
    String name = String.valueOf(file.getFileName());
    return !name.equals(STATE) && !name.startsWith("scales-");
  }

  /// Reads the rows to calibrate on, as `train` reads rows: through the chat template where they
  /// are conversations, prompt and completion as one text.
  ///
  /// @param data the files, and how they are read
  /// @param warnings receives one line each
  /// @return their token ids
  /// @throws InputException if there is no row, or a bad one
  private static List<int[]> read(
      QuantizeSettings settings,
      DataSettings data,
      ModelConfig config,
      Machine machine,
      Consumer<String> warnings) {
    CalibrationSettings wanted = settings.calibration();
    Path model = settings.model();
    int positions = config.maxPositionEmbeddings();
    if (wanted.maxLength() != null && wanted.maxLength() > positions) {
      warnings.accept(
          "--max-length %d is above the model's max_position_embeddings; rows are cut to %d tokens"
              .formatted(wanted.maxLength(), positions));
    }
    Tokenizer tokenizer = Tokenizer.load(model, machine.cache());
    Dataset rows =
        Dataset.whole(
            data,
            true,
            Math.min(wanted.tokens(), positions),
            tokenizer,
            ChatRows.of(model, data, tokenizer).on(DAY),
            TokenCache.in(machine.cache()));
    List<int[]> ids = rows.examples().stream().limit(wanted.rows()).map(Example::ids).toList();
    ids.forEach(config::checkTokens);
    long tokens = ids.stream().mapToLong(row -> row.length).sum();
    int widest = Math.max(config.hiddenSize(), config.intermediateSize());
    if (tokens < widest) {
      warnings.accept(
          "%s of --calibration, %s: fewer than the %d inputs of the widest layer, so much of what it does is not seen; 128 rows of hundreds of tokens are usual"
              .formatted(Count.of(ids.size(), "row"), Count.of(tokens, "token"), widest));
    }
    return ids;
  }
}
