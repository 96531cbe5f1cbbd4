package dev.nudge.format;

import dev.nudge.gguf.GgufFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Reads the text files of a model folder: config, tokenizer and chat template.
///
/// A GGUF file counts as a folder: `model.gguf/config.json` is the config derived from its
/// metadata, so all code that reads model folders by this class reads GGUF files too.
public final class FolderText {
  /// Folders of named chat templates.
  public static final List<String> TEMPLATES =
      List.of("chat_templates", "additional_chat_templates");

  private FolderText() {}

  /// Whether a model folder, or a GGUF file, exists.
  public static boolean isFolder(Path model) {
    return Files.isDirectory(model) || GgufFolder.of(model) != null;
  }

  /// Whether a file exists, or is derived from a GGUF file.
  public static boolean exists(Path file) {
    return Files.isRegularFile(file) || isDerived(file);
  }

  /// Returns the text of a file.
  ///
  /// @throws IOException as [Files#readString] does
  /// @throws dev.nudge.settings.InputException if a GGUF file's metadata is invalid
  public static String read(Path file) throws IOException {
    String derived = derived(file);
    return derived == null ? Files.readString(file) : derived;
  }

  /// Returns the bytes of a file.
  ///
  /// @throws IOException as [Files#readAllBytes] does
  public static byte[] bytes(Path file) throws IOException {
    String derived = derived(file);
    return derived == null ? Files.readAllBytes(file) : derived.getBytes(StandardCharsets.UTF_8);
  }

  /// Returns whether a file is derived from a GGUF file's metadata.
  static boolean isDerived(Path file) {
    return folder(file) != null && GgufFolder.NAMES.contains(file.getFileName().toString());
  }

  private static @Nullable String derived(Path file) {
    GgufFolder folder = folder(file);
    return folder == null ? null : folder.text(file.getFileName().toString());
  }

  private static @Nullable GgufFolder folder(Path file) {
    Path parent = file.getParent();
    return parent == null ? null : GgufFolder.of(parent);
  }

  /// Lists the `.jinja` files of a folder, sorted; none if the folder is absent.
  public static List<Path> jinja(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.toString().endsWith(".jinja")).sorted().toList();
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }
}
