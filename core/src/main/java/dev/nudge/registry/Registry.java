package dev.nudge.registry;

import dev.nudge.format.Claim;
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

/// Keeps adapters as versions that never change, and names that move between them.
///
///     Registry registry = Registry.open(folder);
///     Version version = registry.push("support", adapter, Note.of("first")).version();
///     registry.alias("support", "champion", version, Alias.Expected.ANY, Note.of("better"));
///     Path peft = registry.resolve(Reference.parse("support@champion")).folder();
///
/// A change is one line of the [Journal]; whatever else a change needs is on the disk before that
/// line is. So a process that is killed leaves a registry with the change or without it, and at
/// most bytes that nobody references, which [#collect] removes.
///
/// Threading: any thread. Writers, in this process and in others, come one after the other, but for
/// the copying of files, which they do side by side; a reader waits for one of its own process for
/// the time of a line to the disk, and for no other.
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

  /// Opens a registry. The folder may be missing: the first push makes it.
  ///
  /// @throws InputException where something else is there
  public static Registry open(Path folder) {
    Registry registry = new Registry(folder.toAbsolutePath().normalize());
    if (!registry.journal.exists() && !registry.journal.canBegin()) {
      throw new InputException(
          "--registry %s is no registry: it holds other files; give an empty folder, or one that nudge made"
              .formatted(folder));
    }
    return registry;
  }

  /// Where a user's registry is when nothing else is said.
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

  /// What a push came to.
  ///
  /// @param fresh false where the same files were a version of that name already
  public record Pushed(Version version, boolean fresh) {}

  /// Registers an adapter as a version of a name.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @throws InputException where it is no adapter
  /// @throws dev.nudge.settings.RunException where the disk refuses
  public Pushed push(String name, Path adapter, Note note) {
    return push(name, adapter, null, note);
  }

  /// The same.
  ///
  /// @param licence as its owner names it; null: not said
  public Pushed push(String name, Path adapter, @Nullable String licence, Note note) {
    Reference.checked("NAME", name);
    Intake intake = Intake.of(adapter, licence);
    make();
    return register(name, () -> intake.store(layout), note);
  }

  /// Registers what is stored. Nobody waits while it is stored, for it may come from far away; what
  /// a collection takes before it is registered is stored again, the last time while nobody else
  /// may change anything.
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
                layout.folder() + ": what was pushed is gone before it was registered; push again");
          }
          return pushed;
        });
  }

  /// @return null: a collection has taken some of it
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

  /// Makes the registry where it is not there yet.
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
  /// @throws RegistryException where there is none, or it is blocked
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

  /// Why a version has the state that it has, as whoever set it said; null: nothing was said.
  public @Nullable String stateWhy(Version version) {
    String why = null;
    for (RegistryEvent event : log(version.name())) {
      if (event instanceof RegistryEvent.Stated said && said.version() == version.number()) {
        why = said.note().why();
      }
    }
    return why;
  }

  /// Finds a version, blocked or not.
  ///
  /// @throws RegistryException where there is none
  public synchronized Version find(Reference reference) {
    return lookup(book()).find(reference);
  }

  private Lookup lookup(Book now) {
    return new Lookup(now, layout.folder());
  }

  /// Writes a version as a plain PEFT folder.
  ///
  /// @param overwrite files of the same names are replaced, others stay
  /// @return the names of the files
  /// @throws InputException where something is in the way
  public List<String> export(Reference reference, Path out, boolean overwrite) {
    return Export.of(resolve(reference), out, overwrite);
  }

  /// Takes a version from outside; it keeps its digest.
  ///
  /// @param tag where there are several; null: that of the address, or the only one
  /// @param credentials for a registry that asks for them; null: none
  /// @throws InputException where it is not there, or no adapter
  /// @throws dev.nudge.settings.RunException where network or disk fail, or bytes are not those
  ///   that were promised
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

  /// What was given to a place outside.
  ///
  /// @param bytes that were not there yet
  public record Published(String digest, String tag, long bytes) {}

  /// Gives a version, its base's manifest and its reports to a place outside.
  ///
  /// @param tag there; null: that of the address, or the number of the version
  /// @param credentials for a registry that asks for them; null: none
  /// @throws InputException where something is in the way
  /// @throws dev.nudge.settings.RunException where network or disk fail
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

  /// All names, sorted.
  public synchronized List<Adapter> list() {
    Book now = book();
    return now.names().stream().map(name -> Objects.requireNonNull(now.adapter(name))).toList();
  }

  /// One name with its versions and aliases.
  ///
  /// @throws RegistryException where there is none
  public synchronized Adapter adapter(String name) {
    Book now = book();
    Adapter adapter = now.adapter(name);
    if (adapter == null) {
      throw lookup(now).unknown(new Reference(name, new Reference.Number(1)));
    }
    return adapter;
  }

  /// All changes, the oldest first.
  ///
  /// @param name of one adapter; null: of all
  public List<RegistryEvent> log(@Nullable String name) {
    return new Journal(layout.folder())
        .read().events().stream()
            .filter(event -> name == null || event.name().equals(name))
            .toList();
  }

  /// What came of a move of an alias.
  ///
  /// @param from digest of where it was; null: nowhere
  /// @param to where it is; null: it is gone
  public record Move(String name, String alias, @Nullable String from, @Nullable Version to) {}

  /// Puts an alias to a version, or takes it away.
  ///
  /// @param to null: it is taken away
  /// @param expected where the caller believes it to be
  /// @throws RegistryException where it is elsewhere by now, the version is blocked, or no gate has
  ///   passed it and the alias is protected
  public Move alias(
      String name, String alias, @Nullable Version to, Alias.Expected expected, Note note) {
    return alias(name, alias, to, expected, false, note);
  }

  /// The same.
  ///
  /// @param override the alias is moved where it is protected too; the note has to say why, and the
  ///   journal keeps what stood against it
  public Move alias(
      String name,
      String alias,
      @Nullable Version to,
      Alias.Expected expected,
      boolean override,
      Note note) {
    Reference.checked("ALIAS", alias);
    if (override) {
      Aliases.checkWhy(note, "an override of a protected alias");
    }
    return change(book -> aliases(book).move(name, alias, to, expected, override, note));
  }

  private Aliases aliases(Book book) {
    return new Aliases(book, layout, this::append);
  }

  /// Why no gate lets a version pass; empty: one does. The gate that was judged last counts, of
  /// those of a policy where one is named.
  ///
  /// @param policy digest of the policy; null: any
  public List<String> gate(Version version, @Nullable String policy) {
    Gates gates = new Gates(layout);
    return gates.against(version, gates.last(version, policy), policy);
  }

  /// Protects an alias: from now on it goes only to versions that a gate has passed. It may be
  /// rolled back to where it was before, for that is what a rollback is for. The alias need not be
  /// there yet, nor is it moved where it is.
  ///
  /// @param policy digest of the policy that has to be passed; null: any
  /// @throws RegistryException where there is no such name
  public void protect(String name, String alias, @Nullable String policy, Note note) {
    Reference.checked("ALIAS", alias);
    change(book -> aliases(book).protect(name, alias, policy, note));
  }

  /// Takes the protection of an alias away; the note has to say why.
  public void unprotect(String name, String alias, Note note) {
    Aliases.checkWhy(note, "taking the protection of an alias away");
    change(book -> aliases(book).unprotect(name, alias, note));
  }

  /// How an alias is protected; null: it is not.
  public synchronized @Nullable Protection protection(String name, String alias) {
    return book().protection(name, alias);
  }

  /// Puts an alias back to where it was before; again, to where it was before that. What is removed
  /// or blocked by now is passed over.
  ///
  /// @throws RegistryException where there is no alias, it was nowhere before, or it is not where
  ///   it is expected
  public Move rollback(String name, String alias, Alias.Expected expected, Note note) {
    return change(book -> aliases(book).rollback(name, alias, expected, note));
  }

  /// Says what state a version is in.
  ///
  /// @throws InputException where it is to be deployed, and no alias is at it
  public Version state(Reference reference, VersionState state, Note note) {
    return change(
        book -> {
          Version was = find(reference);
          if (state == VersionState.DEPLOYED && adapter(was.name()).aliasesOf(was).isEmpty()) {
            throw new InputException(
                "%s has no alias, and only what an alias is at is deployed; move one there, as in nudge adapters alias %s@champion %d"
                    .formatted(was.shown(), was.name(), was.number()));
          }
          if (was.state() != state) {
            append(new RegistryEvent.Stated(was.name(), note, was.number(), was.state(), state));
          }
          return Objects.requireNonNull(book.version(was.name(), was.number()));
        });
  }

  /// Keeps a report of an evaluation with a version.
  ///
  /// @throws InputException where the file is not there
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

  /// Checks that a report can be kept.
  ///
  /// @throws InputException where the file is not there
  public static void checkReport(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException("--report " + file + " is no file");
    }
  }

  /// Where a version comes from, as its `lineage.json` says: digests of base, quantisation,
  /// tokenizer, template and data, settings, parent, licence; a missing node where nothing is
  /// known.
  public JsonNode lineage(Version version) {
    return layout.json(version, MediaTypes.LINEAGE);
  }

  /// The name of the base that a version was trained on: the folder's, as `adapter_config.json` has
  /// it; null where it says none.
  public @Nullable String baseName(Version version) {
    String known = baseNames.computeIfAbsent(version.digest(), _ -> readBaseName(version));
    return known.isEmpty() ? null : known;
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
  /// @throws RegistryException where something references one
  public synchronized List<Version> removable(List<Reference> references) {
    Book now = book();
    List<Version> going = references.stream().map(this::find).distinct().toList();
    going.forEach(version -> checkFree(now, version));
    return going;
  }

  /// Removes versions that no alias is at and none would be rolled back to; all are checked before
  /// the first goes. [#collect] frees their bytes.
  ///
  /// @throws RegistryException where something references one
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

  /// What a collection freed.
  public record Collected(int blobs, long bytes, int folders) {}

  /// Deletes the bytes that no version references, and writes the index anew.
  public Collected collect() {
    return change(book -> new Collector(layout, book).collect());
  }

  /// Makes a change while nobody else does, and writes the index after it.
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

  /// What there is now, with what others have changed.
  private Book book() {
    if (!opened) {
      opened = true;
      BookFile.Kept found = BookFile.read(layout.folder(), journal, layout::adapter);
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
