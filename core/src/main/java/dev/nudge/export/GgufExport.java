package dev.nudge.export;

import dev.nudge.format.DiskRoom;
import dev.nudge.format.GgufFile;
import dev.nudge.format.GgufWriter;
import dev.nudge.format.OutFolder;
import dev.nudge.gguf.GgufArchitecture;
import dev.nudge.gguf.GgufLayout;
import dev.nudge.gguf.GgufNames;
import dev.nudge.gguf.GgufPairs;
import dev.nudge.gguf.GgufType;
import dev.nudge.machine.Machine;
import dev.nudge.merge.MergedTensors;
import dev.nudge.model.family.LayerConfig;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.ModelSettings;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Writes a model, with an adapter merged into it or alone, as a GGUF file; or an adapter alone
/// ([LoraFile]).
///
/// The file is written beside its place under a temporary name. Its header comes first and is read
/// back as any GGUF model's is: config and tokens must be the model's own, or the export is refused
/// ([ConfigDifference], [TokenizerKeys]). Then tensors are merged in fp32, some rows at a time on
/// each thread, and quantised, so memory does not depend on the model's size.
public final class GgufExport {
  private final ExportSettings settings;
  private final MergedTensors tensors;
  private final ModelConfig config;
  private final TensorNames names;
  private final MatrixTypes types;
  private final Map<String, StoredRows> stored = new HashMap<>(); // by the model's names

  private GgufExport(ExportSettings settings, MergedTensors tensors) {
    this.settings = settings;
    this.tensors = tensors;
    this.config = tensors.config();
    this.names = TensorNames.of(settings.model(), config);
    ExportSettings.Type type = Objects.requireNonNullElse(settings.type(), ExportSettings.Type.F16);
    this.types = new MatrixTypes(type, config.numHiddenLayers(), config.tieWordEmbeddings());
  }

  /// Exports.
  ///
  /// @param warnings receives one line each
  /// @param cancelled asked between layers
  /// @return what was written; null if cancelled, and then nothing was
  /// @throws InputException in one line, before a tensor is written
  public static @Nullable Exported run(
      ExportSettings settings,
      Machine machine,
      Consumer<String> warnings,
      BooleanSupplier cancelled) {
    checkPlace(settings);
    if (settings.adapterOnly()) {
      return LoraFile.write(settings, machine, warnings);
    }
    ModelSettings model = ModelSettings.of(settings.model()).with("any_base", settings.anyBase());
    try (MergedTensors tensors =
        MergedTensors.open(model, settings.adapter(), settings.into(), machine, warnings)) {
      return new GgufExport(settings, tensors).write(machine, warnings, cancelled);
    }
  }

  /// Checks that GGUF files are written of a model's family.
  ///
  /// @throws InputException if they are not
  public static void checkFamily(Path model) {
    TensorNames.of(model, ModelConfig.load(model));
  }

  /// The licence that a model's README.md or GGUF file names; null: none.
  public static @Nullable String licence(Path model) {
    return GeneralKeys.licence(model);
  }

  private static void checkPlace(ExportSettings settings) {
    Path out = settings.out();
    if (Files.isDirectory(out)) {
      throw new InputException(
          "--out %s is a folder; give a file, such as %s"
              .formatted(out, out.resolve("model.gguf")));
    }
    if (OutFolder.same(out, settings.model())) {
      throw new InputException("--out " + out + " is the --model file; give another file");
    }
    if (Files.exists(out) && !(settings.overwrite() && GgufFile.is(out))) {
      throw new InputException(
          settings.overwrite()
              ? "--out " + out + " is no GGUF file, so it is not replaced; give another file"
              : "--out " + out + " is there already; give another file, or --overwrite");
    }
    OutFolder.checkPlace(Objects.requireNonNull(out.toAbsolutePath().getParent(), "a root"));
  }

  private @Nullable Exported write(
      Machine machine, Consumer<String> warnings, BooleanSupplier cancelled) {
    long start = System.nanoTime();
    GgufPairs pairs = new GgufPairs();
    GeneralKeys general = GeneralKeys.of(settings, warnings);
    general.model(pairs, names.architecture(), types);
    int positions = positions(warnings);
    Map<String, float[]> factors = ModelKeys.put(pairs, names, positions);
    TokenizerKeys tokenizer =
        TokenizerKeys.of(settings.model(), tensors.tokenizer(), machine.cache());
    if (tokenizer.own() == null && GgufFile.is(settings.model())) {
      general.copyTokenizer(pairs);
    } else {
      general.namePhi3(pairs, tokenizer.vocabulary(pairs, config));
    }
    tokenizer.templates(pairs, settings.adapter());
    GgufLayout layout = GgufLayout.of(pairs, planned(factors));
    Path folder = Objects.requireNonNull(settings.out().toAbsolutePath().getParent(), "a root");
    DiskRoom.check(folder, layout.bytes(), "a GGUF file", ", or a smaller --type");
    Path there = OutFolder.existing(folder);
    OutFolder.make(folder);
    boolean placed = false;
    try (GgufWriter writer = GgufWriter.create(settings.out(), layout)) {
      factors.forEach((name, values) -> writer.write(name, bytes(values)));
      checkConfig(writer.temporary(), positions);
      tokenizer.compare(writer.temporary());
      int threads = settings.threads() == null ? machine.threads() : settings.threads();
      if (!tensors.write(sink(writer), threads, cancelled)) {
        return null;
      }
      writer.place();
      placed = true;
    } finally {
      for (Path made = folder; !placed && made != null && !made.equals(there); ) {
        OutFolder.deleteEmpty(made);
        made = made.getParent();
      }
    }
    Path modelfile = Modelfile.write(settings, tokenizer, config);
    return new Exported(
        settings.out(),
        modelfile,
        names.architecture().key(),
        types.wanted().toString(),
        layout.tensors().size(),
        layout.bytes(),
        general.licence(),
        (System.nanoTime() - start) / 1e9);
  }

  /// The context length to name. Architectures without a sliding window are the same up to it.
  private int positions(Consumer<String> warnings) {
    int window = Integer.MAX_VALUE;
    for (LayerConfig layer : config.layers()) {
      int own = layer.attention().window();
      window = own > 0 ? Math.min(window, own) : window;
    }
    int most = config.maxPositionEmbeddings();
    if (window >= most) {
      return most;
    }
    return switch (names.architecture()) {
      case GEMMA2, GEMMA3 -> most;
      case PHI3 -> {
        warnings.accept(
            "llama.cpp reads no sliding window of phi3: beyond %d tokens it answers otherwise than the model"
                .formatted(window));
        yield most;
      }
      case LLAMA, QWEN2, QWEN3, SMOLLM3, GRANITE, OLMO2 -> {
        warnings.accept(
            "the file names a context of %d tokens instead of %d: the model has a sliding window of that size, which llama.cpp does not have for %s"
                .formatted(window, most, names.architecture().key()));
        yield window;
      }
    };
  }

  private List<GgufLayout.Planned> planned(Map<String, float[]> factors) {
    List<GgufLayout.Planned> planned = new ArrayList<>();
    factors.forEach(
        (name, values) ->
            planned.add(new GgufLayout.Planned(name, GgufType.F32, List.of((long) values.length))));
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              String gguf = names.gguf(name);
              GgufType type = types.of(gguf, GgufNames.layer(gguf), shape);
              boolean norm = gguf.endsWith("norm.weight") && architecture().addsOneToNorms();
              stored.put(name, StoredRows.of(name, type, names.order(name, (int) shape[0]), norm));
              List<Long> sizes =
                  shape.length == 1 ? List.of(shape[0]) : List.of(shape[0], shape[1]);
              planned.add(new GgufLayout.Planned(gguf, type, sizes));
            });
    return planned;
  }

  private GgufArchitecture architecture() {
    return names.architecture();
  }

  private static MemorySegment bytes(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return MemorySegment.ofArray(bytes.array());
  }

  private void checkConfig(Path file, int positions) {
    String difference = ConfigDifference.of(config, ModelConfig.load(file), positions);
    if (difference != null) {
      throw new InputException(
          "--model %s cannot be said in a GGUF file of the architecture %s: %s"
              .formatted(settings.model(), architecture().key(), difference));
    }
  }

  private MergedTensors.Sink sink(GgufWriter writer) {
    return new MergedTensors.Sink() {
      @Override
      public MergedTensors.Storing of(String name) {
        return Objects.requireNonNull(stored.get(name), name);
      }

      @Override
      public void write(String name, Iterator<MemorySegment> pieces) {
        writer.write(names.gguf(name), pieces);
      }
    };
  }
}
