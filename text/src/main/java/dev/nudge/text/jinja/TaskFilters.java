package dev.nudge.text.jinja;

import dev.nudge.python.TextWrap;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonPattern;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The filters that task files have beyond those of chat templates: the harness's own and more of
/// jinja2's.
final class TaskFilters {
  static final Map<String, Filters.Filter> ALL = new HashMap<>();

  private static final String PLAIN = "-._~/"; // of a path, beside letters and digits

  static {
    ALL.put("regex_replace", TaskFilters::regexReplace);
    ALL.put("tojson", Dumps::markup);
    ALL.put("groupby", TaskFilters::groupBy);
    ALL.put("slice", TaskFilters::slice);
    ALL.put("truncate", TaskFilters::truncate);
    ALL.put("urlencode", (v, a) -> quoted(Python.str(Filters.none(v, a)).chars()));
    ALL.put("wordwrap", TaskFilters::wrap);
    ALL.put("striptags", MarkupFilters::stripTags);
    ALL.put("xmlattr", MarkupFilters::attributes);
    ALL.put("filesizeformat", NumberFilters::fileSize);
    ALL.put("forceescape", (v, a) -> Filters.escape(Python.str(Filters.none(v, a))));
  }

  private TaskFilters() {}

  /// Python's `re.sub` as the harness gives it to its templates.
  private static Value regexReplace(Value value, Arguments given) {
    Arguments arguments = given.bind("regex_replace", "pattern", "repl", "count");
    if (!(value instanceof Text text)) {
      throw new Mistake("regex_replace goes with a text, and this is a " + value.type());
    }
    try {
      String made =
          PythonPattern.of(arguments.text("pattern").chars())
              .replace(text.chars(), arguments.text("repl").chars(), arguments.whole("count", 0));
      return given.budget().made(Text.of(made));
    } catch (InputException e) {
      throw new Mistake(String.valueOf(e.getMessage()));
    }
  }

  /// Values in order of an attribute, those with the same one together.
  private static Value groupBy(Value value, Arguments given) {
    Arguments arguments = given.bind("groupby", "attribute", "default", "case_sensitive");
    Value path = arguments.need("attribute");
    Value otherwise = arguments.get("default", None.NONE);
    boolean sensitive = arguments.is("case_sensitive", false);
    List<Value> groups = new ArrayList<>();
    List<Value> own = new ArrayList<>();
    Value last = None.NONE;
    for (Value one :
        ListFilters.sorted(
                Operators.iterate(value),
                v -> ListFilters.fold(of(v, path, otherwise), sensitive),
                false)
            .values()) {
      Value key = ListFilters.fold(of(one, path, otherwise), sensitive);
      if (own.isEmpty() || !key.equals(last)) {
        own = new ArrayList<>();
        groups.add(Items.group(of(one, path, otherwise), Items.list(own)));
        last = key;
      }
      own.add(one);
    }
    return Items.list(groups);
  }

  private static Value of(Value value, Value path, Value otherwise) {
    Value found = MemberAccess.path(value, path);
    return found instanceof Undefined && otherwise != None.NONE ? otherwise : found;
  }

  private static Value slice(Value value, Arguments given) {
    Arguments arguments = given.bind("slice", "slices", "fill_with");
    int count = Arguments.whole(arguments.need("slices"), "slices");
    if (count < 1) {
      throw new Mistake("'slice' needs a number above 0");
    }
    given.budget().elements(count);
    Value fill = arguments.get("fill_with", None.NONE);
    List<Value> all = Operators.iterate(value);
    List<Value> slices = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < count; i++) {
      boolean longer = i < all.size() % count;
      int end = at + all.size() / count + (longer ? 1 : 0);
      List<Value> own = new ArrayList<>(all.subList(at, end));
      if (fill != None.NONE && !longer) {
        own.add(fill);
      }
      slices.add(Items.list(own));
      at = end;
    }
    return Items.generator(slices);
  }

  private static Value truncate(Value value, Arguments given) {
    Arguments arguments = given.bind("truncate", "length", "killwords", "end", "leeway");
    if (!(value instanceof Text text)) {
      throw new Mistake("truncate goes with a text, and this is a " + value.type());
    }
    int length = arguments.whole("length", 255);
    Text end = arguments.textOrNull("end");
    Text dots = end == null ? Text.of("...") : end;
    int leeway = arguments.whole("leeway", 5);
    int kept = length - dots.length();
    if (kept < 0 || leeway < 0) {
      throw new Mistake(
          "truncate is to %d characters and ends with %d; neither it nor its leeway may be too small"
              .formatted(length, dots.length()));
    }
    if (text.length() <= length + (long) leeway) {
      return text;
    }
    Text cut = text.sub(0, text.at(kept));
    int space = cut.chars().lastIndexOf(' ');
    Text words = arguments.is("killwords", false) || space < 0 ? cut : cut.sub(0, space);
    return given.budget().made(new TextBuilder().add(words).add(dots).text());
  }

  private static Value wrap(Value value, Arguments given) {
    Arguments arguments =
        given.bind("wordwrap", "width", "break_long_words", "wrapstring", "break_on_hyphens");
    if (!(value instanceof Text text)) {
      throw new Mistake("wordwrap goes with a text, and this is a " + value.type());
    }
    Text own = arguments.textOrNull("wrapstring");
    Text between = own == null ? Text.of("\n") : own;
    boolean breaks = arguments.is("break_long_words", true);
    boolean hyphens = arguments.is("break_on_hyphens", true);
    int width = arguments.whole("width", 79);
    List<String> paragraphs = new ArrayList<>();
    long length = 0;
    for (Value line : StringMethods.lines(text, false)) {
      List<String> lines = new TextWrap(width, breaks, hyphens).lines(((Text) line).chars());
      given.budget().grown(length, (long) lines.size() * between.chars().length());
      paragraphs.add(String.join(between.chars(), lines));
      length += paragraphs.getLast().length() + between.chars().length();
    }
    return given.budget().made(Text.of(String.join(between.chars(), paragraphs)));
  }

  private static Value quoted(String text) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = b > 0 && (Character.isLetterOrDigit(b) || PLAIN.indexOf(b) >= 0);
      out.append(plain ? String.valueOf((char) b) : "%%%02X".formatted(b & 0xff));
    }
    return Text.of(out.toString());
  }
}
