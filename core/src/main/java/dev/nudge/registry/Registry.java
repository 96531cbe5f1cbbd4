package dev.nudge.registry;

import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A model registry for adapters: immutable versions, and aliases that move between them.
///
///     Registry registry = Registry.open(folder);
///     Version version = registry.push("support", adapter, Note.of("first")).version();
///     registry.alias("support", "champion", version, Alias.Expected.ANY, Note.of("better"));
///     Path peft = registry.resolve(Reference.parse("support@champion")).folder();
///
/// A change is one line of the [Journal]; everything else that it needs is on the disk before. So a
/// killed process leaves the registry with or without the change, and at most unreferenced blobs,
/// which [#collect] deletes.
///
/// Threading: any thread. Writers of all processes are serialised, except while they copy files. A
/// reader waits only for a writer of its own process, while that one syncs its line to the disk.
public final class Registry {
  private static final int TRIES = 3;
  private static final String BASE_NAME = "base_model_name_or_path";
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

  private final OciLayout layout;
  private final Journal journal;
  private final Map<String, String> baseNames =
      new ConcurrentHashMap<>(); // by digest; never change
  private Book book;
  private boolean opened;
  private long kept; // bytes of the journal that the index knows of

  private Registry(Path folder) {
    this.layout = new OciLayout(folder);
    this.journal = new Journal(folder);
    this.book = new Book(layout::adapter);
  }

  /// Opens a registry. The folder may be missing: the first push creates it.
  ///
  /// @throws InputException if the folder holds something else
  public static Registry open(Path folder) {
    Registry registry = new Registry(folder.toAbsolutePath().normalize());
    if (!registry.journal.exists() && !registry.journal.canBegin()) {
      throw new InputException(
          "--registry %s is no registry: it holds other files; give an empty folder, or one that nudge made"
              .formatted(folder));
    }
    return registry;
  }

  /// The default registry folder of the user.
  public static Path home() {
    return Path.of(System.getProperty("user.home", "."), ".local", "share", "nudge", "registry");
  }

  /// The folder of the registry.
  public Path folder() {
    return layout.folder();
  }

  OciLayout layout() {
    return layout;
  }

  /// The result of a push.
  ///
  /// @param fresh false if the same files were already a version of that name
  public record Pushed(Version version, boolean fresh) {}

  /// Registers an adapter as a version of a name.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @throws InputException if the folder is no adapter
  /// @throws dev.nudge.settings.RunException if writing fails
  public Pushed push(String name, Path adapter, Note note) {
    return push(name, adapter, null, note);
  }

  /// Registers an adapter with a licence.
  ///
  /// @param licence as the user gives it; null: none
  public Pushed push(String name, Path adapter, @Nullable String licence, Note note) {
    Reference.checked("NAME", name);
    Intake intake = Intake.of(adapter, licence);
    make();
    return register(name, () -> intake.store(layout), note);
  }

  /// Stores and registers a version. Storing is not locked, because it may be a slow download; if a
  /// concurrent collection deletes blobs before the registration, they are stored again, the last
  /// time under the lock.
  Pushed register(String name, Supplier<StoredVersion> store, Note note) {
    for (int tries = 1; tries < TRIES; tries++) {
      try {
        StoredVersion stored = store.get();
        Pushed pushed = change(book -> pushed(book, name, stored, note));
        if (pushed != null) {
          return pushed;
        }
      } catch (RegistryException e) {
        throw e;
      } catch (InputException e) {
        // a collection was faster, or there is another reason, which the last try tells
      }
    }
    return change(
        book -> {
          Pushed pushed = pushed(book, name, store.get(), note);
          if (pushed == null) {
            throw new RunException(
                layout.folder() + ": blobs were garbage-collected before registration; push again");
          }
          return pushed;
        });
  }

  /// @return null if a collection has deleted some blobs
  private @Nullable Pushed pushed(Book book, String name, StoredVersion stored, Note note) {
    if (!stored.isThere(layout)) {
      return null;
    }
    Version known = book.version(name, stored.digest());
    if (known != null) {
      return new Pushed(known, false);
    }
    int number = book.next(name);
    append(
        new RegistryEvent.Pushed(
            name,
            note,
            number,
            stored.digest(),
            stored.manifestBytes(),
            stored.bytes(),
            stored.rank(),
            stored.base()));
    return new Pushed(Objects.requireNonNull(book.version(name, number)), true);
  }

  /// Creates the registry if it is missing.
  void make() {
    OutFolder.checkPlace("--registry", layout.folder());
    OutFolder.make(layout.folder());
    try (Claim _ = Claim.await(layout.folder())) {
      if (!journal.exists()) {
        journal.create();
      }
      if (!layout.exists()) {
        layout.create();
      }
    }
  }

  /// Finds the version that a reference names.
  ///
  /// @throws RegistryException if there is none, or it is blocked
  public Version resolve(Reference reference) {
    Version version = find(reference);
    if (version.state() == VersionState.BLOCKED) {
      throw new RegistryException(
          Reason.BLOCKED,
          "%s%s is blocked%s; name another version, or roll the alias back"
              .formatted(
                  reference,
                  reference.to() instanceof Reference.Alias
                      ? " is " + version.shown() + ", which"
                      : "",
                  behind(stateWhy(version))));
    }
    layout.unpack(version.digest());
    return version;
  }

  private static String behind(@Nullable String why) {
    return why == null ? "" : " (" + why + ")";
  }

  /// The reason that was given for a version's state; null: none.
  public @Nullable String stateWhy(Version version) {
    String why = null;
    for (RegistryEvent event : log(version.name())) {
      if (event instanceof RegistryEvent.Stated said && said.version() == version.number()) {
        why = said.note().why();
      }
    }
    return why;
  }

  /// Finds a version, even if it is blocked.
  ///
  /// @throws RegistryException if there is none
  public synchronized Version find(Reference reference) {
    return book().find(reference, layout.folder());
  }

  /// Exports a version as a plain PEFT folder.
  ///
  /// @param overwrite whether files of the same names are replaced; other files stay
  /// @return the names of the files
  /// @throws InputException if files are in the way
  public List<String> export(Reference reference, Path out, boolean overwrite) {
    return resolve(reference).copy(out, overwrite);
  }

  /// Pulls a version from a remote; it keeps its digest.
  ///
  /// @param tag of the version; null: that of the address, or the only one
  /// @param credentials for an OCI registry; null: none
  /// @throws InputException if there is no such version, or it is no adapter
  /// @throws dev.nudge.settings.RunException if network or disk fail, or bytes do not match their
  ///     digest
  public Pushed pull(
      String name,
      Address from,
      @Nullable String tag,
      Address.@Nullable Credentials credentials,
      Note note) {
    Reference.checked("NAME", name);
    String wanted = tag != null ? tag : from instanceof Address.Remote remote ? remote.tag() : "";
    Transport transport = new Transport(layout, from, credentials);
    transport.look(wanted);
    make();
    return register(name, () -> transport.pull(wanted), note);
  }

  /// The result of a push to a remote.
  ///
  /// @param bytes uploaded: those that the remote did not have
  public record Published(String digest, String tag, long bytes) {}

  /// Pushes a version, its base's manifest and its reports to a remote.
  ///
  /// @param tag on the remote; null: that of the address, or the number of the version
  /// @param credentials for an OCI registry; null: none
  /// @throws InputException if something is in the way
  /// @throws dev.nudge.settings.RunException if network or disk fail
  public Published publish(
      Reference reference,
      Address to,
      @Nullable String tag,
      Address.@Nullable Credentials credentials) {
    Version version = resolve(reference);
    String given = to instanceof Address.Remote remote ? remote.tag() : "";
    boolean digest = given.startsWith(Sha256.PREFIX);
    String number = Integer.toString(version.number());
    String there = tag != null ? tag : given.isEmpty() || digest ? number : given;
    if (!TAG.matcher(there).matches()) {
      throw new InputException(
          "--tag is '%s'; it must be letters, digits and . _ -, at most 128".formatted(there));
    }
    long bytes = new Transport(layout, to, credentials).publish(version, there);
    return new Published(version.digest(), there, bytes);
  }

  /// All adapters, sorted by name.
  public synchronized List<Adapter> list() {
    Book now = book();
    return now.names().stream().map(name -> Objects.requireNonNull(now.adapter(name))).toList();
  }

  /// An adapter with its versions and aliases.
  ///
  /// @throws RegistryException if there is none
  public synchronized Adapter adapter(String name) {
    Book now = book();
    Adapter adapter = now.adapter(name);
    if (adapter == null) {
      throw now.unknown(new Reference(name, new Reference.Number(1)), layout.folder());
    }
    return adapter;
  }

  /// All events, the oldest first.
  ///
  /// @param name of an adapter; null: all adapters
  public List<RegistryEvent> log(@Nullable String name) {
    return new Journal(layout.folder())
        .read().events().stream()
            .filter(event -> name == null || event.name().equals(name))
            .toList();
  }

  /// The result of a move of an alias.
  ///
  /// @param from digest of its old version; null: the alias is new
  /// @param to its new version; null: the alias was removed
  /// @param warning that the new version's base is unknown; null: it is known
  public record Move(
      String name,
      String alias,
      @Nullable String from,
      @Nullable Version to,
      @Nullable String warning) {}

  /// Moves an alias to a version, or removes it.
  ///
  /// @param to null: remove the alias
  /// @param expected the alias's current position, for compare-and-set
  /// @throws RegistryException if the alias is elsewhere, the version is blocked or of another base
  ///     than the alias had, or the alias is protected and no gate has passed the version
  public Move alias(
      String name, String alias, @Nullable Version to, Alias.Expected expected, Note note) {
    return alias(name, alias, to, expected, Alias.Force.NONE, note);
  }

  /// Moves an alias to a version, or removes it, even against its protection or to another base.
  ///
  /// @param force what to ignore; the journal records what stood against the move
  public Move alias(
      String name,
      String alias,
      @Nullable Version to,
      Alias.Expected expected,
      Alias.Force force,
      Note note) {
    Reference.checked("ALIAS", alias);
    if (force.gate()) {
      Aliases.checkWhy(note, "an override of a protected alias");
    }
    return change(book -> aliases(book).move(name, alias, to, expected, force, note));
  }

  private Aliases aliases(Book book) {
    return new Aliases(book, layout, this::shownBase, this::append);
  }

  /// Protects an alias: from now on only versions that passed a gate may get it. A rollback to an
  /// earlier version stays allowed. The alias need not exist yet; its current version is not
  /// checked.
  ///
  /// @param policy digest of the required policy; null: any
  /// @throws RegistryException if there is no such adapter
  public void protect(String name, String alias, @Nullable String policy, Note note) {
    protect(name, alias, policy, false, note);
  }

  /// Protects an alias, even at a version of another base than that of its version before.
  public void protect(
      String name, String alias, @Nullable String policy, boolean anyBase, Note note) {
    Reference.checked("ALIAS", alias);
    change(book -> aliases(book).protect(name, alias, policy, anyBase, note));
  }

  /// Removes the protection of an alias; the note must give a reason.
  public void unprotect(String name, String alias, Note note) {
    Aliases.checkWhy(note, "taking the protection of an alias away");
    change(book -> aliases(book).unprotect(name, alias, note));
  }

  /// The protection of an alias; null if it is not protected.
  public synchronized @Nullable Protection protection(String name, String alias) {
    return book().protection(name, alias);
  }

  /// Rolls an alias back to its previous version; repeated, to the one before. Removed and blocked
  /// versions are skipped.
  ///
  /// @throws RegistryException if the alias does not exist, has no previous version, or one of
  ///     another base, or is not where it is expected
  public Move rollback(String name, String alias, Alias.Expected expected, Note note) {
    return rollback(name, alias, expected, false, note);
  }

  /// Rolls an alias back, even to a version of another base.
  public Move rollback(
      String name, String alias, Alias.Expected expected, boolean anyBase, Note note) {
    return change(book -> aliases(book).rollback(name, alias, expected, anyBase, note));
  }

  /// Checks the base of an adapter that is not stored yet, as [#alias] checks a version's.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @throws RegistryException if the alias has another base
  public void checkBase(String name, String alias, Path adapter) {
    String base = Intake.Kind.of(adapter, false).base();
    if (base != null) {
      checkBase(name, alias, base);
    }
  }

  /// Checks a base, before an adapter of it is trained.
  ///
  /// @param base digest of the base's weights ([Version#base])
  /// @throws RegistryException if the alias has another base
  public synchronized void checkBase(String name, String alias, String base) {
    Book now = book();
    Alias at = now.alias(name, alias);
    Version based = aliases(now).based(name, at);
    if (at != null && based != null && !base.equals(based.base())) {
      throw Aliases.ofOtherBase(
          name,
          alias,
          at,
          "the new version's base is %s, that of %s is %s"
              .formatted(Sha256.shown(base), based.shown(), shownBase(based)));
    }
  }

  /// Compares the base of an adapter with those of a name's other versions.
  ///
  /// @return a warning; null: all that are known are the same
  public synchronized @Nullable String otherBases(Version version) {
    if (version.base() == null) {
      return null;
    }
    Adapter adapter = adapter(version.name());
    List<Version> others =
        adapter.versions().stream()
            .filter(other -> other.base() != null && !other.base().equals(version.base()))
            .toList();
    if (others.isEmpty()) {
      return null;
    }
    List<String> at =
        others.stream()
            .map(
                other -> {
                  List<String> aliases = adapter.aliasesOf(other);
                  return other.number()
                      + (aliases.isEmpty() ? "" : " (" + String.join(", ", aliases) + ")");
                })
            .toList();
    return "%s was trained on %s; version%s %s on another base (%s)"
        .formatted(
            version.shown(),
            shownBase(version),
            others.size() == 1 ? "" : "s",
            String.join(", ", at) + (others.size() == 1 ? " was" : " were"),
            shownBase(others.getLast()));
  }

  /// Sets the state of a version.
  ///
  /// @throws InputException if the state is DEPLOYED and no alias is at the version
  public Version state(Reference reference, VersionState state, Note note) {
    return change(
        book -> {
          Version was = find(reference);
          if (state == VersionState.DEPLOYED && adapter(was.name()).aliasesOf(was).isEmpty()) {
            throw new InputException(
                "%s has no alias, and only a version with an alias can be deployed; move one there, as in nudge adapters alias %s@champion %d"
                    .formatted(was.shown(), was.name(), was.number()));
          }
          if (was.state() != state) {
            append(new RegistryEvent.Stated(was.name(), note, was.number(), was.state(), state));
          }
          return Objects.requireNonNull(book.version(was.name(), was.number()));
        });
  }

  /// Attaches an evaluation report to a version.
  ///
  /// @throws InputException if the file does not exist
  public Version report(Reference reference, Path file, Note note) {
    checkReport(file);
    return change(
        book -> {
          Version version = find(reference);
          Version.Report report = StoredVersion.report(layout, version, file);
          if (version.reports().stream().noneMatch(r -> r.manifest().equals(report.manifest()))) {
            append(new RegistryEvent.Reported(version.name(), note, version.number(), report));
          }
          return Objects.requireNonNull(book.version(version.name(), version.number()));
        });
  }

  /// The latest verdict of a gate on a version's own files that is kept with it, a `gate.json`; a
  /// missing node if there is none.
  public JsonNode gate(Version version) {
    return new Gates(layout).own(version);
  }

  /// Warns of a report that judged another adapter than the version; null: it did not.
  public @Nullable String otherJudged(Version version, Path report) {
    boolean gate = String.valueOf(report.getFileName()).equals(GateCheck.FILE);
    String file = gate ? new Gates(layout).foreign(version, Json.readOrMissing(report)) : null;
    return file == null
        ? null
        : "--report %s judged another %s than that of %s; it is kept, and is no verdict on %s: run nudge eval with this adapter"
            .formatted(report, file, version.shown(), version.shown());
  }

  /// Why the version of an alias has not passed a gate, as its protection asks; empty: it has, or
  /// there is no version.
  public synchronized List<String> unpassed(String name, String alias) {
    Alias at = book().alias(name, alias);
    Version version = at == null ? null : book().version(name, at.digest());
    Protection protection = book().protection(name, alias);
    String policy = protection == null ? null : protection.policy();
    Gates gates = new Gates(layout);
    return version == null
        ? List.of()
        : gates.against(version, gates.last(version, policy), policy);
  }

  /// The file of a report, read-only.
  public Path file(Version.Report report) {
    return layout.blobs().path(report.digest());
  }

  /// Checks that a report can be attached.
  ///
  /// @throws InputException if the file does not exist
  public static void checkReport(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException("--report " + file + " is no file");
    }
  }

  /// The lineage of a version, its `lineage.json`: digests of base, quantisation, tokenizer,
  /// template and data, settings, parent, licence; a missing node if nothing is known.
  public JsonNode lineage(Version version) {
    return layout.json(version, MediaTypes.LINEAGE);
  }

  /// The name of the base model's folder in a version's `adapter_config.json`; null: none.
  public @Nullable String baseName(Version version) {
    String known = baseNames.computeIfAbsent(version.digest(), _ -> readBaseName(version));
    return known.isEmpty() ? null : known;
  }

  /// The base's name and the first digits of its digest, for people; `-`: unknown.
  public String shownBase(Version version) {
    String name = baseName(version);
    String base = version.base();
    return base == null
        ? name == null ? "-" : name
        : (name == null ? "" : name + " ") + Sha256.shown(base);
  }

  private String readBaseName(Version version) {
    try {
      String path = layout.json(version, "adapter_config.json").path(BASE_NAME).asString("");
      String plain = path.replace('\\', '/').replaceAll("/+$", "");
      String name = plain.substring(plain.lastIndexOf('/') + 1);
      return name.equals(".") || name.equals("..") ? "" : name;
    } catch (InputException e) {
      return ""; // a file of the version is missing: who asks for it is told
    }
  }

  /// The versions that [#remove] would remove.
  ///
  /// @throws RegistryException if a version is referenced
  public synchronized List<Version> removable(List<Reference> references) {
    Book now = book();
    List<Version> going = references.stream().map(this::find).distinct().toList();
    going.forEach(version -> checkFree(now, version));
    return going;
  }

  /// Removes versions that neither an alias nor a possible rollback references; all are checked
  /// before the first is removed. [#collect] frees their bytes.
  ///
  /// @throws RegistryException if a version is referenced
  public List<Version> remove(List<Reference> references, Note note) {
    return change(
        book -> {
          List<Version> going = removable(references);
          for (Version version : going) {
            append(
                new RegistryEvent.Removed(
                    version.name(), note, version.number(), version.digest()));
          }
          return going;
        });
  }

  private static void checkFree(Book book, Version version) {
    Adapter adapter = Objects.requireNonNull(book.adapter(version.name()));
    for (Alias alias : adapter.aliases()) {
      Version before = book.before(version.name(), alias);
      boolean at = alias.version() == version.number();
      if (at || (before != null && before.number() == version.number())) {
        throw new RegistryException(
            Reason.REFERENCED,
            "%s stays: %s@%s %s; move the alias, or take it away with nudge adapters alias %s@%s none"
                .formatted(
                    version.shown(),
                    version.name(),
                    alias.name(),
                    at ? "is at it" : "would be rolled back to it",
                    version.name(),
                    alias.name()));
      }
    }
  }

  /// The result of a garbage collection.
  public record Collected(int blobs, long bytes, int folders) {}

  /// Garbage collection: deletes blobs that no version references, and rewrites the index.
  public Collected collect() {
    return change(book -> layout.collect(book));
  }

  /// Makes a change under the write lock, and writes the index after it.
  private <T extends @Nullable Object> T change(Function<Book, T> change) {
    if (!journal.exists()) {
      throw new RegistryException(
          Reason.UNKNOWN,
          "there is no registry at %s; nudge adapters push makes one, --registry names another"
              .formatted(layout.folder()));
    }
    try (Claim _ = Claim.await(layout.folder())) {
      synchronized (this) {
        T done = change.apply(book());
        try {
          layout.index(layout.manifests(book));
          if (journal.known() - kept > BookFile.WORTH) {
            BookFile.write(layout.folder(), journal, book);
            kept = journal.known();
          }
        } catch (NudgeException e) {
          // it follows from the journal: the next change writes it
        }
        return done;
      }
    }
  }

  private void append(RegistryEvent event) {
    journal.append(event);
    book();
  }

  /// The current state, including the changes of other processes.
  private Book book() {
    if (!opened) {
      opened = true;
      BookFile.Snapshot found = BookFile.read(layout.folder(), journal, layout::adapter);
      if (found != null) {
        journal.skip(found.bytes());
        book = found.book();
        kept = found.bytes();
      }
    }
    Journal.News news = journal.read();
    if (news.anew()) {
      book = new Book(layout::adapter);
      kept = 0;
    }
    news.events().forEach(book::add);
    return book;
  }
}
