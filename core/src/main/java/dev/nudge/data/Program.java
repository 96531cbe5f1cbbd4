package dev.nudge.data;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;

/// Identifies this build, so that token caches of other builds are not used.
final class Program {
  private Program() {}

  /// The version, with size and time of the jar; the version alone where there is no jar.
  static String stamp() {
    String version = String.valueOf(Program.class.getPackage().getImplementationVersion());
    CodeSource source = Program.class.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      return version;
    }
    try {
      Path jar = Path.of(new URI(source.getLocation().toString()));
      return Files.isRegularFile(jar)
          ? version + " " + Files.size(jar) + " " + Files.getLastModifiedTime(jar).toMillis()
          : version;
    } catch (URISyntaxException
        | IOException
        | IllegalArgumentException
        | FileSystemNotFoundException e) {
      return version;
    }
  }
}
