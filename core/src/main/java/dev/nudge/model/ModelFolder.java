package dev.nudge.model;

import dev.nudge.format.DiskRoom;
import dev.nudge.format.Entry;
import dev.nudge.format.FolderText;
import dev.nudge.format.OutFolder;
import dev.nudge.format.ShardedWriter;
import dev.nudge.format.Stack;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.TreeMap;

/// Writes a copy of a model folder with new numbers in some tensors. Files, names, shapes and
/// stored types stay, the rest is copied byte for byte.
///
/// The copy is written into a staging folder, which [dev.nudge.format.NewFolder] renames into
/// place. Memory is a few megabytes.
public final class ModelFolder {
  /// Files that are copied unchanged if they exist.
  static final List<String> COPIED =
      List.of(
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "chat_template.json",
          "preprocessor_config.json",
          "processor_config.json",
          "tokenizer.model",
          "vocab.json",
          "merges.txt");

  static final String CONFIG = "config.json";
  private static final String INDEX = "model.safetensors.index.json";
  static final String SINGLE = "model.safetensors";
  private static final int PIECE_BYTES = 4 << 20;

  private ModelFolder() {}

  /// Checks that a new model may be written to `--out`; nothing is touched.
  ///
  /// @param source the model from which the new one is made
  /// @param ours whether the existing folder was written by the same verb, which may replace it
  /// @param made name of the result in messages: `merged`
  /// @param verb `merge`
  /// @throws InputException if other files are in the way
  public static void checkPlace(
      Path out, Path source, boolean ours, String made, String verb, boolean overwrite) {
    if (OutFolder.same(out, source)) {
      throw new InputException("--out " + out + " is the --model folder; give another folder");
    }
    if (Files.exists(out.resolve("adapter_config.json"))) {
      throw new InputException("--out " + out + " holds an adapter; give another folder");
    }
    OutFolder.checkPlace(out);
    if (OutFolder.isFree(out)) {
      return;
    }
    boolean model = Files.exists(out.resolve(CONFIG)) || Files.exists(out.resolve(SINGLE));
    if (model && !ours) {
      throw new InputException(
          "--out %s holds a model that nudge did not %s; give another folder".formatted(out, verb));
    }
    if (!overwrite) {
      throw new InputException(
          (ours
                  ? "--out %s holds a %s model; give another folder, or --overwrite"
                  : "--out %s is not empty; give a new folder, or --overwrite to write into it")
              .formatted(out, made));
    }
  }

  /// Writes `out` as `base` with new numbers of some parameters, rounded once to the stored types.
  ///
  /// @param out a staging folder
  /// @throws dev.nudge.settings.RunException if writing fails
  public static void write(Path base, Path out, List<Parameter> changed, Kernels kernels) {
    Map<String, Tensor> masters = new HashMap<>();
    changed.forEach(p -> masters.put(p.name(), p.master()));
    ModelConfig config = ModelConfig.load(base);
    try (WeightFile file = StackedExperts.open(base, config);
        Scope scope = Scope.open("model folder")) {
      Tensor embedding = masters.get(config.embedding());
      if (embedding != null && config.tieWordEmbeddings()) {
        masters.put(config.head(), embedding); // a stored copy of a tied head
      }
      OutFolder.make(out);
      weights(file, base, out, masters, kernels, scope);
      if (file.index() != null) {
        copy(base, out, List.of(INDEX));
      }
      copy(base, out);
      copy(base, out, List.of(CONFIG));
    }
  }

  private static void weights(
      WeightFile file,
      Path base,
      Path out,
      Map<String, Tensor> masters,
      Kernels kernels,
      Scope scope) {
    Map<Path, List<Entry>> seen = new TreeMap<>();
    for (String name : file.names()) {
      seen.computeIfAbsent(target(file.file(name), base, out), f -> new ArrayList<>())
          .add(file.entry(name));
    }
    List<Stack> stacks =
        file.stacks().stream().map(stack -> stack.in(target(stack.file(), base, out))).toList();
    Map<Path, List<Entry>> files = Stack.stored(seen, stacks);
    files.keySet().forEach(target -> OutFolder.make(target.getParent()));
    Map<String, Stack> byPart = Stack.byPart(stacks);
    Tensor room = scope.tensor(Dtype.U8, 1, PIECE_BYTES);
    try (ShardedWriter writer = ShardedWriter.create(Map.of("format", "pt"), files, stacks)) {
      for (String name : file.names()) {
        Tensor master = masters.get(name);
        Stack stack = byPart.get(name);
        if (master == null) {
          writer.write(name, file.bytes(name));
        } else {
          Rounded rows = new Rounded(master, file.dtype(name), room, kernels);
          writer.write(name, stack == null ? rows : stack.lying(file.entry(name), rows));
        }
      }
    }
  }

  private static Path target(Path from, Path base, Path out) {
    return out.resolve(base.relativize(from).toString());
  }

  /// Copies the files that a new model takes over from its source if they exist: the tokenizer's
  /// files and `generation_config.json`.
  ///
  /// @throws dev.nudge.settings.RunException if writing fails
  public static void copy(Path from, Path to) {
    copy(from, to, COPIED);
    for (String name : templates(from)) {
      OutFolder.make(Objects.requireNonNull(to.resolve(name).getParent()));
      copy(from, to, List.of(name));
    }
  }

  /// A folder's chat templates besides the default one.
  private static List<String> templates(Path folder) {
    return FolderText.TEMPLATES.stream()
        .flatMap(
            place ->
                FolderText.jinja(folder.resolve(place)).stream()
                    .map(file -> place + "/" + file.getFileName()))
        .toList();
  }

  private static void copy(Path from, Path to, List<String> names) {
    for (String name : names) {
      OutFolder.copy(from.resolve(name), to.resolve(name));
    }
  }

  /// Iterates over the bytes of a matrix in another type, some rows at a time in one buffer.
  private static final class Rounded implements Iterator<MemorySegment> {
    private final Tensor master;
    private final Tensor room;
    private final Kernels kernels;
    private int from;

    Rounded(Tensor master, Dtype dtype, Tensor bytes, Kernels kernels) {
      this.master =
          master.cols() * dtype.bytes() <= PIECE_BYTES
              ? master
              : master.reshaped(master.elements(), 1);
      long rows =
          Math.min(this.master.rows(), PIECE_BYTES / ((long) this.master.cols() * dtype.bytes()));
      this.room = Tensor.of(bytes.data(), dtype, rows, this.master.cols());
      this.kernels = kernels;
    }

    @Override
    public boolean hasNext() {
      return from < master.rows();
    }

    @Override
    public MemorySegment next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      int to = Math.min(master.rows(), from + room.rows());
      Tensor part = room.rows(0, to - from);
      kernels.elementwise().copy(master.rows(from, to), part);
      from = to;
      return part.data();
    }
  }

  /// Tells whether a folder holds a model, or a part of one.
  public static boolean isModel(Path folder) {
    return List.of(CONFIG, SINGLE, INDEX).stream().anyMatch(f -> Files.exists(folder.resolve(f)));
  }

  /// Bytes of the files that [#copy] copies.
  public static long copiedBytes(Path from) {
    return DiskRoom.bytes(COPIED.stream().map(from::resolve).toList());
  }

  /// The names of the files that [#write] makes; names of weight files as far as they are known.
  public static List<String> names(Path folder) {
    List<String> names = new ArrayList<>(COPIED);
    names.addAll(List.of(CONFIG, SINGLE, INDEX));
    names.addAll(templates(folder));
    if (Files.isRegularFile(folder.resolve(INDEX))) {
      try (WeightFile file = WeightFile.open(folder)) {
        file.files().forEach(f -> names.add(folder.relativize(f).toString()));
      } catch (InputException e) {
        return names; // no model any more: its shards are unknown
      }
    }
    return names;
  }
}
