package dev.nudge.adapter;

import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.format.FoldedScales;
import dev.nudge.format.OutFolder;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Opens an adapter folder and checks it against a model before weights are read.
///
/// PEFT only warns of missing or unexpected tensors; here both are errors, since the model would
/// run without a part of its adapter.
///
/// Threading: immutable after [#carry]; close it when the adapter is attached.
public final class PeftAdapter implements Source, AutoCloseable {
  /// The files of an adapter that determine what it computes.
  public static final List<String> FILES = List.of(PeftConfig.FILE, PeftFiles.WEIGHTS);

  private final Path folder;
  private final AdapterKind kind;
  private final WeightFile tensors;
  private @Nullable FoldedScales folded;

  private PeftAdapter(Path folder, AdapterKind kind, WeightFile tensors) {
    this.folder = folder;
    this.kind = kind;
    this.tensors = tensors;
  }

  /// Opens `folder` and reads its config and the header of its weights.
  ///
  /// @throws InputException if the folder is no adapter, or one with unsupported options
  public static PeftAdapter open(Path folder) {
    OutFolder.mend(folder);
    Path config = folder.resolve(PeftConfig.FILE);
    Path weights = folder.resolve(PeftFiles.WEIGHTS);
    if (!Files.exists(folder)) {
      throw new InputException(
          "%s does not exist; an adapter is the folder of a run, or one with %s and %s as PEFT saves it"
              .formatted(folder, PeftConfig.FILE, PeftFiles.WEIGHTS));
    }
    if (!Files.isRegularFile(config)) {
      throw new InputException(
          "%s is not an adapter: it has no %s%s"
              .formatted(folder, PeftConfig.FILE, elsewhere(folder)));
    }
    AdapterKind kind = PeftConfig.read(config);
    if (!Files.isRegularFile(weights)) {
      throw new InputException(
          Files.isRegularFile(folder.resolve("adapter_model.bin"))
              ? "%s has its weights only in adapter_model.bin, a pickle that can run code; load it with PEFT and save it with safe_serialization=True to get %s"
                  .formatted(folder, PeftFiles.WEIGHTS)
              : "%s is not an adapter: it has no %s".formatted(folder, PeftFiles.WEIGHTS));
    }
    WeightFile file = SafeTensors.open(weights);
    try {
      boolean single = kind.lowRank() && ExpertTensors.single(file);
      AdapterKind joined = single ? new LoraKind(kind.where().joined()) : kind;
      return new PeftAdapter(folder, joined, ExpertTensors.of(file, joined.where()));
    } catch (InputException e) {
      file.close();
      throw new InputException("adapter %s: %s".formatted(folder, e.getMessage()), e);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /// Changes A and B as they are read, for a model that is this adapter's base with scales folded
  /// in.
  ///
  /// @param scales null: nothing is changed
  /// @throws InputException if the adapter trains more of the layers than A and B
  public void carry(@Nullable FoldedScales scales) {
    boolean more = !kind.lowRank() || kind.where().variant() != Lora.Variant.PLAIN;
    more |= tensors.names().stream().anyMatch(PeftFiles::isMore);
    if (scales != null && more) {
      throw new InputException(
          "adapter %s trains more than A and B, and --method awq scaled what it stands on; merge it into the base that it was trained on, and quantise that"
              .formatted(folder));
    }
    folded = scales;
  }

  public Path folder() {
    return folder;
  }

  public AdapterKind kind() {
    return kind;
  }

  /// What is trained beside the layers.
  public Extras extras() {
    return kind.where().extras();
  }

  /// The config of A and B.
  ///
  /// @throws InputException if the adapter is of a kind without them
  public Lora spec() {
    return kind.lora(folder);
  }

  /// A tensor of the adapter by its name, those of experts one by one.
  public Tensor tensor(String name) {
    return tensors.tensor(name);
  }

  /// The tensors of the file, those of experts one by one.
  WeightFile tensors() {
    return tensors;
  }

  /// Checks that the adapter fits a model and returns the layers that have A and B.
  ///
  /// @throws InputException in one line: what differs, with both values
  public List<LayerShape> fit(ModelShape model) {
    try {
      return new PeftFit(this, model).check();
    } catch (InputException e) {
      String why = String.valueOf(e.getMessage()).replaceAll("\\p{Cntrl}+", " ");
      throw new InputException("adapter %s: %s".formatted(folder, why), e);
    }
  }

  /// Whether the adapter holds whole modules, token rows or a table of another vocabulary, which a
  /// scale factor cannot weigh. The table beside its own A and B that PEFT writes is the base's.
  public boolean holdsWhole() {
    return !extras().isEmpty()
        || tensors.names().stream()
            .anyMatch(name -> PeftFiles.isTable(name) && !name.endsWith(".base_layer.weight"));
  }

  /// Whether the adapter changes whole modules, token rows or the vocabulary.
  boolean holdsTables() {
    return holdsWhole() || tensors.names().stream().anyMatch(PeftFiles::isTable);
  }

  /// Vocabulary size of the model with this adapter.
  public int vocabulary(ModelShape model) {
    LayerShape embedding = model.embedding();
    int most = embedding == null ? 0 : embedding.in();
    for (String path : model.ends()) {
      String table = table(path);
      List<Long> shape = table == null ? List.of(0L) : tensors.entry(table).shape();
      most = (int) Math.max(most, Math.min(shape.getFirst(), Integer.MAX_VALUE));
      most = Math.max(most, extras().ids(path).stream().mapToInt(id -> id + 1).max().orElse(0));
    }
    return most;
  }

  /// The tokenizer that was saved with added tokens; null if the model's own applies.
  public @Nullable Path tokenizer() {
    Path file = folder.resolve("tokenizer.json");
    return holdsTables() && Files.isRegularFile(file) ? file : null;
  }

  @Override
  public void linear(String path, Tensor a, Tensor b) {
    Tensor storedA = tensors.tensor(PeftFiles.nameOfA(path));
    Tensor storedB = tensors.tensor(PeftFiles.nameOfB(path));
    if (folded != null) {
      folded.carry(path, storedA, a, storedB, b);
      return;
    }
    ParameterMemory.copy(storedA, a);
    ParameterMemory.copy(storedB, b);
  }

  @Override
  public void more(String name, Tensor to) {
    Tensor stored = tensors.tensor(name);
    ParameterMemory.copy(stored.reshaped(1, stored.elements()), to);
  }

  @Override
  public void embedding(String path, Tensor a, Tensor b) {
    Tensor stored = tensors.tensor(PeftFiles.nameOfEmbeddingA(path)); // (rank, vocabulary)
    for (int r = 0; r < stored.rows(); r++) {
      for (int c = 0; c < stored.cols(); c++) {
        a.set(c, r, stored.get(r, c));
      }
    }
    ParameterMemory.copy(tensors.tensor(PeftFiles.nameOfEmbeddingB(path)), b);
  }

  @Override
  public void score(Tensor weight) {
    ParameterMemory.copy(tensors.tensor(PeftFiles.SCORE), weight);
  }

  @Override
  public @Nullable Tensor weight(String path) {
    String name = table(path);
    return name == null ? null : tensors.tensor(name);
  }

  @Override
  public @Nullable String table(String path) {
    return PeftFiles.namesOfTable(path).stream()
        .filter(tensors.names()::contains)
        .findFirst()
        .orElse(null);
  }

  @Override
  public @Nullable Tensor bias(String path) {
    String name = PeftFiles.nameOfBias(path);
    return tensors.names().contains(name) ? tensors.tensor(name) : null;
  }

  @Override
  public @Nullable Tensor rows(String path) {
    String name = PeftFiles.nameOfRows(path);
    return tensors.names().contains(name) ? tensors.tensor(name) : null;
  }

  @Override
  public void close() {
    tensors.close();
  }

  /// Names what the folder is instead of an adapter, if that is clear.
  private static String elsewhere(Path folder) {
    if (!Files.isDirectory(folder)) {
      return " (it is a file)";
    }
    if (Files.isRegularFile(folder.resolve("config.json"))) {
      return "; it is a model folder, which goes to --model";
    }
    List<String> inside = new ArrayList<>();
    try (Stream<Path> children = Files.list(folder)) {
      children
          .filter(child -> Files.isRegularFile(child.resolve(PeftConfig.FILE)))
          .map(Path::toString)
          .sorted()
          .limit(3)
          .forEach(inside::add);
    } catch (IOException e) {
      return "; it cannot be listed";
    }
    return inside.isEmpty() ? "" : "; did you mean " + Nearest.alternatives(inside) + "?";
  }
}
