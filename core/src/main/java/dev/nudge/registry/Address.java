package dev.nudge.registry;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The address of a remote to pull from or push to: `oci://HOST/NAME[:TAG]`, a `.tar` file, or the
/// folder of an OCI image layout.
public sealed interface Address {
  /// Prefix of the address of an OCI registry.
  String SCHEME = "oci://";

  /// A repository of an OCI registry.
  ///
  /// @param host with port, if it has one
  /// @param repository such as `team/support`
  /// @param tag or digest; empty: not given
  /// @param plain HTTP without TLS: only for localhost, or on request
  record Remote(String host, String repository, String tag, boolean plain) implements Address {
    @Override
    public String toString() {
      return SCHEME + host + "/" + repository;
    }
  }

  /// A tar archive of an OCI image layout.
  record Archive(Path file) implements Address {}

  /// A folder with an OCI image layout.
  record Folder(Path folder) implements Address {}

  /// User and password for an OCI registry.
  record Credentials(String user, String password) {
    /// Reads a file that holds `USER:PASSWORD` on its first line.
    public static Credentials read(Path file) {
      try {
        String line = java.nio.file.Files.readAllLines(file).getFirst();
        int colon = line.indexOf(':');
        if (colon > 0) {
          return new Credentials(line.substring(0, colon), line.substring(colon + 1).strip());
        }
      } catch (java.io.IOException | java.util.NoSuchElementException e) {
        throw new InputException("--credentials " + file + " cannot be read", e);
      }
      throw new InputException("--credentials " + file + " must hold USER:PASSWORD on a line");
    }

    @Override
    public String toString() {
      return user + ":…";
    }
  }

  /// Parses an address.
  ///
  /// @param plain whether to use HTTP without TLS for any host
  /// @throws InputException if the address is invalid
  static Address parse(String text, boolean plain) {
    if (!text.startsWith(SCHEME)) {
      if (text.regionMatches(true, 0, "oci:", 0, 4)) {
        throw new InputException(
            "'%s' must begin with oci:// for a registry, or with ./ for a folder".formatted(text));
      }
      if (text.matches("[a-z][a-z0-9+.-]+://.*")) {
        throw new InputException(
            "'%s' is a URL; give oci://HOST/NAME[:TAG], a .tar file or a folder".formatted(text));
      }
      try {
        Path path = Path.of(text);
        return text.endsWith(".tar") ? new Archive(path) : new Folder(path);
      } catch (InvalidPathException e) {
        throw new InputException("'" + text + "' is no path", e);
      }
    }
    Matcher parts = Parts.REMOTE.matcher(text);
    if (!parts.matches()) {
      throw new InputException(
          "'%s' names no repository; it must be oci://HOST[:PORT]/NAME[:TAG], the name in lower case"
              .formatted(text));
    }
    String host = parts.group("host");
    @Nullable String tag = parts.group("tag");
    @Nullable String digest = parts.group("digest");
    boolean here = Loopback.is(host.replaceAll(":\\d+$", ""));
    return new Remote(
        host, parts.group("name"), digest != null ? digest : tag == null ? "" : tag, plain || here);
  }

  /// The grammar of OCI names.
  final class Parts {
    private static final Pattern REMOTE =
        Pattern.compile(
            "oci://(?<host>[A-Za-z0-9.-]+(:\\d{1,5})?|\\[[0-9a-f:]+\\](:\\d{1,5})?)"
                + "/(?<name>[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)"
                + "(:(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(?<digest>sha256:[0-9a-f]{64}))?");

    private Parts() {}
  }
}
