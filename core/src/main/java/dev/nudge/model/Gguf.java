package dev.nudge.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Recognises GGUF files (llama.cpp, Ollama), a format that nudge does not read.
final class Gguf {
  /// Advice for the error message: the format that nudge reads, and where to get it.
  static final String INSTEAD =
      "nudge reads folders with config.json, tokenizer.json and *.safetensors; the repository on"
          + " the hub that the GGUF was made from has them: git clone it, with Git LFS installed";

  private static final String MAGIC = "GGUF";

  private Gguf() {}

  /// Whether a file begins with the GGUF magic.
  static boolean is(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MAGIC.length()), StandardCharsets.ISO_8859_1).equals(MAGIC);
    } catch (IOException e) {
      return false; // a file that cannot be read is refused as any other
    }
  }

  /// Whether a folder holds GGUF files.
  static boolean isIn(Path folder) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.gguf")) {
      return files.iterator().hasNext();
    } catch (IOException | DirectoryIteratorException e) {
      return false;
    }
  }
}
