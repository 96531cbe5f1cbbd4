import dev.nudge.Nudge;
import dev.nudge.generate.Session;
import java.nio.file.Path;

/// Keeps two adapters beside one base and switches between them: `MODEL ADAPTER ADAPTER PROMPT`.
final class Adapters {
  public static void main(String[] args) {
    Nudge nudge = Nudge.here(System.err::println);
    try (Session session = nudge.open(Path.of(args[0]))) {
      session.attach("billing", Path.of(args[1]));
      session.attach("support", Path.of(args[2])); // the last one attached answers
      IO.println("support  " + session.complete(args[3]).text());
      session.adapters().use("billing");
      IO.println("billing  " + session.complete(args[3]).text());
      session.adapters().disable();
      IO.println("base     " + session.complete(args[3]).text());
      session.adapters().enable();
      session.adapters().detach("support");
    }
  }
}
