package dev.nudge.hub;

import dev.nudge.settings.InputException;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Chooses which files of a repository are downloaded. Pickles, code and formats that may hold code
/// are never chosen.
enum FileChoice {
  /// A model: its safetensors, or else one GGUF file, with configs, tokenizer, template and texts.
  MODEL,
  /// An adapter in PEFT's layout, with the same kinds of files.
  ADAPTER,
  /// Rows: the files that match the name's path or glob.
  DATA;

  static final String GGUF = ".gguf";
  static final String SAFETENSORS = ".safetensors";

  /// Names, without `.json`, of the configs that Python's libraries write.
  static final String CONFIGS =
      "(generation_|adapter_|tokenizer_|preprocessor_|processor_|quantize_|quant_)?config"
          + "|special_tokens_map";

  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String ADAPTER_WEIGHTS = "adapter_model.safetensors";
  private static final String ADAPTER_CONFIG = "adapter_config.json";
  private static final int SHOWN = 6; // names of files in a message

  private static final Pattern SHARD = Pattern.compile("model-\\d+-of-\\d+\\.safetensors");
  private static final Pattern SPLIT = Pattern.compile("-\\d{5}-of-\\d{5}(?=\\.gguf$)");
  private static final Pattern TEXTS =
      Pattern.compile("(?i).*\\.(json|txt|md|jinja)|(LICENSE|LICENCE|NOTICE)[^/.]*");
  private static final Pattern TEMPLATES =
      Pattern.compile("(additional_)?chat_templates/[^/]+\\.jinja");
  private static final Pattern ROWS =
      Pattern.compile("(?i).*\\.((jsonl|ndjson|json|csv|tsv|txt)(\\.gz)?|parquet)");

  /// Returns the files to download; the first holds weights or rows.
  ///
  /// @throws InputException if the repository lacks a needed file
  List<HubFile> of(RepoName name, List<HubFile> files) {
    return switch (this) {
      case MODEL -> name.file() == null ? model(name, files) : gguf(name, files);
      case ADAPTER -> adapter(name, files);
      case DATA -> data(name, files);
    };
  }

  /// Whether a file is a config: small, in contrast to the tokenizer's files.
  static boolean isConfig(HubFile file) {
    return file.isTop()
        && file.path().endsWith(".json")
        && (file.path().endsWith("config.json") || file.path().equals(INDEX));
  }

  /// Whether a file belongs to the tokenizer or is a template.
  static boolean isTokenizer(HubFile file) {
    return isText(file) && !file.path().endsWith(".md") && !file.path().endsWith(".index.json");
  }

  private static boolean isText(HubFile file) {
    boolean known =
        file.isTop() && TEXTS.matcher(file.path()).matches()
            || TEMPLATES.matcher(file.path()).matches();
    return known && file.isPlain();
  }

  private static List<HubFile> model(RepoName name, List<HubFile> files) {
    List<HubFile> weights = weights(files);
    if (weights.isEmpty()) {
      weights = oneGguf(name, files);
    }
    return with(weights, files, FileChoice::isText);
  }

  /// Returns the safetensors from which a model folder is loaded: one file or shards, not copies of
  /// the weights in another layout or precision.
  static List<HubFile> weights(List<HubFile> files) {
    if (has(files, SINGLE)) {
      return chosen(files, file -> file.path().equals(SINGLE));
    }
    if (has(files, INDEX)) {
      return chosen(files, file -> SHARD.matcher(file.path()).matches());
    }
    return chosen(files, file -> file.isTop() && file.path().endsWith(SAFETENSORS));
  }

  private static List<HubFile> oneGguf(RepoName name, List<HubFile> files) {
    List<HubFile> all = chosen(files, file -> file.path().endsWith(GGUF));
    List<String> models = all.stream().map(FileChoice::whole).distinct().toList();
    if (models.isEmpty()) {
      boolean pickles = files.stream().anyMatch(f -> f.path().matches(".*\\.(bin|pt|pth|ckpt)"));
      throw new InputException(
          "%s holds neither safetensors nor GGUF%s"
              .formatted(
                  name,
                  pickles
                      ? "; its weights are pickles, which can run code and are not fetched: look"
                          + " for the same model as safetensors"
                      : ""));
    }
    if (models.size() > 1) {
      throw new InputException(
          "%s holds %d GGUF files; name one, as %s/FILE.gguf: %s"
              .formatted(name, models.size(), name.id(), shown(all)));
    }
    return all;
  }

  private static List<HubFile> gguf(RepoName name, List<HubFile> files) {
    HubFile asked = named(name, files);
    return chosen(files, file -> file.path().endsWith(GGUF) && whole(file).equals(whole(asked)));
  }

  /// Returns a file's path without the part number of a split model.
  private static String whole(HubFile file) {
    return SPLIT.matcher(file.path()).replaceFirst("");
  }

  private static List<HubFile> adapter(RepoName name, List<HubFile> files) {
    if (!has(files, ADAPTER_CONFIG) || !has(files, ADAPTER_WEIGHTS)) {
      throw new InputException(
          "%s holds no adapter: it has no %s%s"
              .formatted(
                  name,
                  has(files, ADAPTER_CONFIG) ? ADAPTER_WEIGHTS : ADAPTER_CONFIG,
                  weights(files).isEmpty() ? "" : "; it is a model"));
    }
    return with(
        chosen(files, file -> file.path().equals(ADAPTER_WEIGHTS)), files, FileChoice::isText);
  }

  private static List<HubFile> data(RepoName name, List<HubFile> files) {
    String file = name.file();
    if (file == null) {
      throw new InputException(
          "'%s' names no file; give hf:datasets/%s/FILE: %s"
              .formatted(name, name.id(), shown(chosen(files, f -> isRows(f.path())))));
    }
    List<HubFile> found = chosen(files, f -> f.path().equals(file));
    if (found.isEmpty() && file.matches(".*[*?\\[{].*")) {
      PathMatcher glob = glob(name, file);
      found =
          chosen(files, f -> isRows(f.path()) && f.isPlain() && glob.matches(Path.of(f.path())));
    }
    if (found.isEmpty()) {
      throw none(name, files);
    }
    if (!isRows(found.getFirst().path())) {
      throw new InputException(
          "%s is no file of rows; JSONL, JSON, CSV, TSV, text and Parquet are fetched"
              .formatted(name));
    }
    return found;
  }

  private static PathMatcher glob(RepoName name, String file) {
    try {
      return FileSystems.getDefault().getPathMatcher("glob:" + file);
    } catch (IllegalArgumentException e) {
      throw new InputException(name + " has a glob that cannot be read", e);
    }
  }

  private static boolean isRows(String path) {
    return ROWS.matcher(path).matches();
  }

  private static final Pattern KNOWN_TEXTS =
      Pattern.compile(
          "("
              + CONFIGS
              + "|tokenizer|added_tokens|vocab|chat_template|nudge|release"
              + "|model\\.safetensors\\.index)\\.json"
              + "|(vocab|merges)\\.txt|chat_template\\.jinja|README\\.md|Modelfile"
              + "|(LICENSE|LICENCE|NOTICE)(\\.(txt|md))?");

  /// The publishable files of a folder: weights, and texts with the usual names of a model, an
  /// adapter or a release. Other texts may be private notes or rows.
  ///
  /// @param files the files by name
  /// @param left names of the folder's other files
  record Published(Map<String, Path> files, List<String> left) {}

  /// @throws InputException if there are no weights
  static Published published(Path folder) throws IOException {
    Map<String, Path> files = new TreeMap<>();
    List<String> left = new ArrayList<>();
    for (String below : List.of("", "chat_templates", "additional_chat_templates")) {
      if (!Files.isDirectory(folder.resolve(below))) {
        continue; // other folders, such as checkpoints, are not published
      }
      try (Stream<Path> all = Files.list(folder.resolve(below))) {
        for (Path file : all.filter(Files::isRegularFile).sorted().toList()) {
          String name = folder.relativize(file).toString().replace(File.separatorChar, '/');
          if (TEMPLATES.matcher(name).matches()
              || below.isEmpty() && (isWeights(name) || KNOWN_TEXTS.matcher(name).matches())) {
            files.put(name, file);
          } else if (below.isEmpty()) {
            left.add(name);
          }
        }
      }
    }
    if (files.keySet().stream().noneMatch(FileChoice::isWeights)) {
      throw new InputException(folder + " holds neither safetensors nor GGUF to publish");
    }
    return new Published(files, left);
  }

  static boolean isWeights(String name) {
    return name.endsWith(SAFETENSORS) || name.endsWith(GGUF);
  }

  private static HubFile named(RepoName name, List<HubFile> files) {
    return files.stream()
        .filter(file -> file.path().equals(name.file()))
        .findFirst()
        .orElseThrow(() -> none(name, files));
  }

  private static InputException none(RepoName name, List<HubFile> files) {
    Predicate<HubFile> kind =
        name.kind() == RepoName.Kind.DATASET
            ? file -> isRows(file.path())
            : file -> file.path().endsWith(GGUF);
    return new InputException(
        "%s at %s has no file '%s'; it has %s"
            .formatted(name.id(), name.revision(), name.file(), shown(chosen(files, kind))));
  }

  private static boolean has(List<HubFile> files, String path) {
    return files.stream().anyMatch(file -> file.path().equals(path));
  }

  private static List<HubFile> chosen(List<HubFile> files, Predicate<HubFile> by) {
    return files.stream().filter(by).sorted(Comparator.comparing(HubFile::path)).toList();
  }

  private static List<HubFile> with(
      List<HubFile> first, List<HubFile> files, Predicate<HubFile> more) {
    List<HubFile> all = new ArrayList<>(first);
    all.addAll(chosen(files, file -> more.test(file) && !first.contains(file)));
    return all;
  }

  private static String shown(List<HubFile> files) {
    String more = files.size() > SHOWN ? " and " + (files.size() - SHOWN) + " more" : "";
    return files.isEmpty()
        ? "none that can be read"
        : String.join(", ", files.stream().limit(SHOWN).map(HubFile::path).toList()) + more;
  }
}
