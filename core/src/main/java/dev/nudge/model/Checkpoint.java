package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.FolderText;
import dev.nudge.format.WeightFile;
import dev.nudge.machine.Backend;
import dev.nudge.machine.SystemMemory;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.WeightSource;
import dev.nudge.nn.Modules;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Loads a Hugging Face model folder.
///
/// Weights stored in the compute type or quantised are read in place from the mapped file (mmap);
/// others are converted or quantised into memory, one tensor at a time on each processor.
public final class Checkpoint {
  private static final long SMALL = 64 << 10; // bytes

  private Checkpoint() {}

  /// Checks names and shapes of the folder's weights against its config, without reading them.
  ///
  /// @throws InputException naming the tensor that is missing or has another shape
  public static void check(Path folder, ModelConfig config) {
    try (ModelWeights weights = ModelWeights.open(folder, config)) {
      check(weights, config);
    }
  }

  /// Checks that the modules beside the decoder, such as a vision tower, are not quantised: a
  /// merged folder copies them as stored, and its config declares no quantisation.
  ///
  /// @throws InputException in one line
  public static void checkRest(Path folder, ModelConfig config) {
    Set<String> own = config.tensors().keySet();
    try (ModelWeights weights = ModelWeights.open(folder, config)) {
      WeightFile file = weights.file();
      for (String name : file.names()) {
        String path = WeightFormats.module(name);
        WeightFormat format = own.contains(path + ".weight") ? null : weights.format(path);
        if (format != null) {
          String numbers = weights.numbers(path);
          throw new InputException(
              file.file(numbers)
                  + ": "
                  + numbers
                  + " is stored in "
                  + format.name()
                  + " and no part of the text model; merge into a folder where only the text"
                  + " model is quantised, or none");
        }
      }
    }
  }

  /// Opens a folder's weights under the model's tensor names.
  ///
  /// @throws InputException if a file cannot be read, or does not fit the config
  public static WeightFile weights(Path folder, ModelConfig config) {
    return StackedExperts.open(folder, config);
  }

  /// The weight type that a folder's `config.json` declares; BF16 if it declares none or is
  /// missing.
  public static Dtype declaredType(Path folder) {
    Path file = folder.resolve(ModelFolder.CONFIG);
    Dtype declared = FolderText.exists(file) ? FreshModel.dtype(ConfigJson.read(file)) : null;
    return declared == null ? Dtype.BF16 : declared;
  }

  /// Counts the bytes of the frozen tensors that loading will hold in memory, and of those that
  /// stay in the mapped file.
  ///
  /// @param trainable null: nothing trains; the same in the methods below
  public static WeightBytes bytes(
      Path folder,
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      @Nullable Trainable trainable) {
    try (ModelWeights weights = ModelWeights.open(folder, config)) {
      WeightFile file = weights.file();
      return WeightBytes.of(
          Trainable.frozen(config, trainable),
          backend.compute(),
          weights.held(quantization),
          weights.layers().any(),
          name -> file.dtype(name) == backend.compute() && !file.copied(name));
    }
  }

  /// Loads a model for computing on `backend`, quantised or dense as stored.
  public static CausalLm load(Path folder, ModelConfig config, Backend backend) {
    return load(folder, config, backend, Quantization.NONE, null);
  }

  /// Loads a model for computing on `backend`.
  ///
  /// @param quantization how dense layers are held; layers stored quantised stay quantised
  public static CausalLm load(
      Path folder, ModelConfig config, Backend backend, Quantization quantization) {
    return load(folder, config, backend, quantization, null);
  }

  /// Loads a model with trainable tensors; their master weights start as the stored numbers.
  ///
  /// @param quantization how dense frozen layers are held
  public static CausalLm load(
      Path folder,
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      @Nullable Trainable trainable) {
    ModelWeights weights = ModelWeights.open(folder, config);
    Scope scope = Scope.open("weights");
    try {
      check(weights, config);
      CausalLm model =
          made(
              config,
              backend,
              trainable,
              shapes -> HeldWeights.of(weights, shapes, backend, quantization, scope),
              (master, name) -> read(weights.file(), name, master, backend),
              () -> {
                scope.close();
                weights.close();
              });
      if (config.hasExperts()) {
        model.askAhead(SystemMemory.here().freeBytes());
      }
      return model;
    } catch (RuntimeException | Error e) {
      scope.close();
      weights.close();
      throw e;
    }
  }

  private static void read(WeightFile file, String name, Tensor master, Backend backend) {
    backend.kernels().elementwise().copy(HeldWeights.matrix(file.tensor(name)), master);
    PageAdvice.drop(file.bytes(name));
  }

  /// @param frozen makes the weights of these shapes
  /// @param fill writes the numbers of the trainable tensors
  private static CausalLm made(
      ModelConfig config,
      Backend backend,
      @Nullable Trainable trainable,
      Function<Map<String, long[]>, WeightSource> frozen,
      WeightSource.Fill fill,
      AutoCloseable owner) {
    WeightSource held = frozen.apply(Trainable.frozen(config, trainable));
    return CausalLm.of(
        config,
        backend,
        trainable == null ? held : TrainedWeights.of(config, backend, trainable, fill, held),
        owner);
  }

  /// A frozen model without weights, for plans: only its shapes are real.
  public static CausalLm dry(ModelConfig config, Backend backend, Quantization quantization) {
    return dry(config, backend, quantization, null);
  }

  /// The modules of a shape on which adapters can sit, without weights.
  public static Modules places(ModelConfig config) {
    try (CausalLm dry = dry(config, Backend.plain(Dtype.F32), Quantization.NONE)) {
      return dry.modules();
    }
  }

  /// A model without weights whose frozen layers are held as `quantization` says.
  ///
  /// @param trainable with a measuring scope
  public static CausalLm dry(
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      @Nullable Trainable trainable) {
    return made(
        config,
        backend,
        trainable,
        shapes -> HeldWeights.dry(shapes, backend, quantization),
        (master, name) -> {},
        () -> {});
  }

  /// A frozen model of random weights in memory, for measuring.
  public static CausalLm random(
      ModelConfig config, Backend backend, Quantization quantization, long seed) {
    return random(config, backend, quantization, null, seed);
  }

  /// A model of random weights in memory, for measuring: a matrix uniform in ±1/√in, the embedding
  /// likewise, norms that compute as 1, biases 0. Equal seeds give equal weights.
  public static CausalLm random(
      ModelConfig config,
      Backend backend,
      Quantization quantization,
      @Nullable Trainable trainable,
      long seed) {
    Scope scope = Scope.open("weights");
    WeightSource.Fill fill = (weight, name) -> fill(weight, name, config, seed);
    return made(
        config,
        backend,
        trainable,
        shapes -> HeldWeights.random(shapes, backend, quantization, scope, fill),
        fill,
        scope);
  }

  private static void fill(Tensor weight, String name, ModelConfig config, long seed) {
    double bound = weight.rank() == 2 ? 1 / Math.sqrt(weight.cols()) : 0;
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + name.hashCode());
    FreshModel.fill(weight, name, config, () -> bound * (2 * random.nextDouble() - 1));
  }

  /// Names that the config does not expect: one of them may be the missing tensor, misspelled.
  private static List<String> unexpected(WeightFile file, ModelConfig config) {
    Set<String> known = config.tensors().keySet();
    return file.names().stream().filter(n -> !known.contains(n)).toList();
  }

  /// Refuses a tied output head that is stored as a matrix of its own.
  private static void checkTied(WeightFile file, ModelConfig config) {
    String head = config.head();
    if (config.tieWordEmbeddings()
        && file.names().contains(head)
        && file.names().contains(config.embedding())
        && file.bytes(head).mismatch(file.bytes(config.embedding())) != -1) {
      throw new InputException(
          file.file(head)
              + ": "
              + head
              + " is another matrix than "
              + config.embedding()
              + ", and config.json says tie_word_embeddings; set it to false to use both");
    }
  }

  static void check(ModelWeights weights, ModelConfig config) {
    WeightFile file = weights.file();
    askForSmall(file);
    checkTied(file, config);
    for (Map.Entry<String, long[]> expected : config.tensors().entrySet()) {
      String name = expected.getKey();
      long[] sides = expected.getValue();
      WeightFormat format = weights.layers().format(name, sides);
      if (format != null) {
        format.open(file, WeightFormats.module(name), (int) sides[0], (int) sides[1]);
        continue;
      }
      if (!file.names().contains(name)) {
        throw new InputException(
            file.source()
                + " has no tensor "
                + name
                + ", which its config.json calls for"
                + Nearest.hint(name, unexpected(file, config)));
      }
      String path = WeightFormats.module(name);
      if (name.equals(path + ".weight") && weights.format(path) != null) {
        throw new InputException(
            file.file(name)
                + ": "
                + name
                + " is quantised; only the linear layers of decoder layers may be");
      }
      List<Long> shape = file.entry(name).shape();
      if (!shape.equals(Arrays.stream(sides).boxed().toList())) {
        throw new InputException(
            file.file(name)
                + ": "
                + name
                + " is "
                + shape
                + ", config.json says "
                + Arrays.toString(sides));
      }
      if (!file.dtype(name).floating()) {
        throw new InputException(
            file.file(name)
                + ": "
                + name
                + " is "
                + file.entry(name).type()
                + "; supported are F32, F16 and BF16");
      }
    }
  }

  /// Asks the operating system to read all small tensors at once: reading a layer's constants one
  /// by one waits for the disk each time, if the file is not cached.
  private static void askForSmall(WeightFile file) {
    for (String name : file.names()) {
      MemorySegment bytes = file.bytes(name);
      if (bytes.byteSize() <= SMALL) {
        PageAdvice.willNeed(bytes);
      }
    }
  }
}
