package dev.nudge.hub;

import dev.nudge.settings.InputException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The name of a repository on the hub, with a revision and sometimes a file in it:
/// `org/name[@revision][/FILE.gguf]`, or `datasets/org/name[@revision]/FILE`, each optionally with
/// the prefix `hf:`.
///
/// @param kind kind of the repository's contents
/// @param id `org/name`
/// @param revision a branch, a tag, a pull request (`refs/pr/1`) or a commit of 40 hex digits
/// @param file path or glob within the repository; null: none
public record RepoName(Kind kind, String id, String revision, @Nullable String file) {
  /// Prefix of a hub name, which then is never taken for a local folder.
  public static final String SCHEME = "hf:";

  static final String MAIN = "main";
  private static final String PART = "[A-Za-z0-9_][A-Za-z0-9._-]*";
  private static final Pattern FORM =
      Pattern.compile(
          "(?<kind>datasets/|models/)?(?<id>%s/%s)(@(?<rev>refs/[^/@]+/[^/@]+|[^/@]+))?(/(?<file>[^@]+))?"
              .formatted(PART, PART));
  private static final Pattern REVISION =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final int LONGEST = 96; // characters of org/name, as the hub allows

  /// The kind of a repository's contents.
  public enum Kind {
    MODEL("models", ""),
    DATASET("datasets", "datasets/");

    private final String plural;
    private final String prefix;

    Kind(String plural, String prefix) {
      this.plural = plural;
      this.prefix = prefix;
    }

    /// Returns the word in API paths and folder names of the cache.
    String plural() {
      return plural;
    }

    /// Returns the prefix of `org/name` in addresses.
    String prefix() {
      return prefix;
    }
  }

  /// Parses a name of a repository of a given kind.
  ///
  /// @throws InputException if the text is not a name, or of the other kind
  public static RepoName parse(String text, Kind kind) {
    RepoName name = parse(text);
    if (name.kind() != kind) {
      throw new InputException(
          kind == Kind.MODEL
              ? "'%s' is data; a model or an adapter is org/name".formatted(text)
              : "'%s' is no data; it must be hf:datasets/org/name/FILE".formatted(text));
    }
    return name;
  }

  /// Parses a name.
  ///
  /// @throws InputException if the text is none
  public static RepoName parse(String text) {
    RepoName name = find(text);
    if (name == null) {
      throw new InputException(
          "'%s' is no name on the hub; it must be org/name, org/name@REVISION or hf:datasets/org/name/FILE"
              .formatted(text));
    }
    return name;
  }

  /// Whether a text has the form of a hub name, with or without `hf:`. A folder's path may have it
  /// too, so check for a folder first.
  public static boolean isName(String text) {
    return text.startsWith(SCHEME) || find(text) != null;
  }

  private static @Nullable RepoName find(String text) {
    Matcher form = FORM.matcher(text.startsWith(SCHEME) ? text.substring(SCHEME.length()) : text);
    if (!form.matches()) {
      return null;
    }
    Kind kind = "datasets/".equals(form.group("kind")) ? Kind.DATASET : Kind.MODEL;
    String id = form.group("id");
    String revision = form.group("rev");
    String file = form.group("file");
    if (kind == Kind.MODEL && file != null && !file.endsWith(FileChoice.GGUF)) {
      if (revision == null) {
        return null; // a path
      }
      revision = revision + "/" + file; // a branch such as feature/x
      file = null;
    }
    if (revision == null) {
      revision = MAIN;
    }
    boolean plain =
        id.length() <= LONGEST
            && !id.contains("--")
            && !id.contains("..")
            && !id.endsWith(".git")
            && !id.matches(".*[.-](/.*|$)");
    boolean plainRevision = REVISION.matcher(revision).matches() && !revision.contains("..");
    return plain && plainRevision ? new RepoName(kind, id, revision, file) : null;
  }

  /// Returns the name of a model, at its newest commit.
  ///
  /// @param id `org/name`
  public static RepoName model(String id) {
    return new RepoName(Kind.MODEL, id, MAIN, null);
  }

  /// Returns the same repository at another revision.
  RepoName at(String other) {
    return new RepoName(kind, id, other, file);
  }

  /// Whether the revision is a commit, which never changes.
  boolean isCommit() {
    return isCommit(revision);
  }

  static boolean isCommit(String text) {
    return COMMIT.matcher(text).matches();
  }

  /// Returns the folder of the repository in the cache, `models--org--name`.
  String folder() {
    return kind.plural() + "--" + id.replace("/", "--");
  }

  /// Parses a cache folder's name, `models--org--name`; null: not a repository.
  static @Nullable RepoName ofFolder(String folder) {
    String[] parts = folder.split("--", -1);
    if (parts.length != 3) {
      return null;
    }
    return switch (parts[0]) {
      case "models" -> find(parts[1] + "/" + parts[2]);
      case "datasets" -> find("datasets/" + parts[1] + "/" + parts[2]);
      default -> null;
    };
  }

  /// Returns the name as a user writes it, without `hf:`.
  @Override
  public String toString() {
    return kind.prefix()
        + id
        + (revision.equals(MAIN) ? "" : "@" + revision)
        + (file == null ? "" : "/" + file);
  }
}
