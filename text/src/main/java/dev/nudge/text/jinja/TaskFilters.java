package dev.nudge.text.jinja;

import dev.nudge.python.TextWrap;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonPattern;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The filters that task files have beyond those of chat templates: the harness's own and more of
/// jinja2's.
///
/// `striptags` turns references such as `&amp;` and `&#8211;` into their characters by the rules of
/// HTML 5, as Python's `html.unescape`. Of the more than two thousand names it knows those of Latin
/// letters and punctuation. Any other name is refused, as Python may know it.
final class TaskFilters {
  private static final Pattern REFERENCE =
      Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9]+;");
  private static final Pattern NO_KEY =
      Pattern.compile("[\\s/>=]", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Charset WINDOWS = Charset.forName("windows-1252");

  /// Names of U+00A0 to U+00FF, which HTML knows without a semicolon too.
  private static final String LATIN =
      "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn"
          + " sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest"
          + " Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave"
          + " Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave"
          + " Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig"
          + " ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute"
          + " ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

  /// Names that require a semicolon.
  private static final Map<String, String> WITH_SEMICOLON =
      Map.ofEntries(
          Map.entry("apos", "'"),
          Map.entry("ndash", "–"),
          Map.entry("mdash", "—"),
          Map.entry("lsquo", "‘"),
          Map.entry("rsquo", "’"),
          Map.entry("sbquo", "‚"),
          Map.entry("ldquo", "“"),
          Map.entry("rdquo", "”"),
          Map.entry("bdquo", "„"),
          Map.entry("lsaquo", "‹"),
          Map.entry("rsaquo", "›"),
          Map.entry("hellip", "…"),
          Map.entry("bull", "•"),
          Map.entry("dagger", "†"),
          Map.entry("permil", "‰"),
          Map.entry("prime", "′"),
          Map.entry("euro", "€"),
          Map.entry("trade", "™"),
          Map.entry("larr", "←"),
          Map.entry("rarr", "→"),
          Map.entry("minus", "−"),
          Map.entry("le", "≤"),
          Map.entry("ge", "≥"),
          Map.entry("ne", "≠"),
          Map.entry("asymp", "≈"),
          Map.entry("infin", "∞"),
          Map.entry("ensp", "\u2002"),
          Map.entry("emsp", "\u2003"),
          Map.entry("thinsp", "\u2009"),
          Map.entry("OElig", "Œ"),
          Map.entry("oelig", "œ"),
          Map.entry("Scaron", "Š"),
          Map.entry("scaron", "š"));

  private static final Map<String, String> WITHOUT = new HashMap<>();
  static final Map<String, Filters.Filter> ALL = new HashMap<>();

  private static final String PLAIN = "-._~/"; // unescaped in URLs, with letters and digits

  static {
    ALL.put("regex_replace", TaskFilters::regexReplace);
    ALL.put("tojson", Dumps::markup);
    ALL.put("groupby", TaskFilters::groupBy);
    ALL.put("slice", TaskFilters::slice);
    ALL.put("truncate", TaskFilters::truncate);
    ALL.put("urlencode", (v, a) -> quoted(Python.str(Filters.none(v, a)).chars()));
    ALL.put("wordwrap", TaskFilters::wrap);
    ALL.put("striptags", TaskFilters::stripTags);
    ALL.put("xmlattr", TaskFilters::attributes);
    ALL.put("filesizeformat", Filters::fileSize);
    ALL.put("forceescape", (v, a) -> Filters.escape(Python.str(Filters.none(v, a))));
  }

  private TaskFilters() {}

  /// Python's `re.sub`, which the harness adds to its templates.
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

  /// Sorts values by an attribute and groups equal ones.
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

  static {
    char next = '\u00a0';
    for (String name : LATIN.split(" ")) {
      WITHOUT.put(name, String.valueOf(next++));
    }
    Map<String, String> others = Map.of("amp", "&", "lt", "<", "gt", ">", "quot", "\"");
    others.forEach(
        (name, is) -> {
          WITHOUT.put(name, is);
          WITHOUT.put(name.toUpperCase(Locale.ROOT), is);
        });
    WITHOUT.put("COPY", "©");
    WITHOUT.put("REG", "®");
  }

  /// Removes comments and tags, collapses white space, then resolves references.
  static Value stripTags(Value value, Arguments given) {
    String text = Python.str(Filters.none(value, given)).chars();
    StringBuilder kept = new StringBuilder();
    int at = 0;
    int start = text.indexOf('<');
    while (start >= 0) {
      boolean comment = text.startsWith("<!--", start);
      int end = comment ? text.indexOf("-->", start + 4) : text.indexOf('>', start);
      if (end < 0) {
        break; // an unclosed tag is text
      }
      kept.append(text, at, start);
      at = end + (comment ? 3 : 1);
      start = text.indexOf('<', at);
    }
    kept.append(text, at, text.length());
    Text words =
        StringMethods.join(Text.of(" "), StringMethods.split(Text.of(kept.toString()), null, -1));
    String made = REFERENCE.matcher(words.chars()).replaceAll(TaskFilters::character);
    return given.budget().made(Text.of(made));
  }

  private static String character(MatchResult found) {
    String name = found.group(1);
    return Matcher.quoteReplacement(name.charAt(0) == '#' ? numbered(name) : named(name));
  }

  private static String named(String name) {
    String known =
        name.endsWith(";")
            ? WITH_SEMICOLON.get(name.substring(0, name.length() - 1))
            : WITHOUT.get(name);
    if (known == null && name.endsWith(";")) {
      known = WITHOUT.get(name.substring(0, name.length() - 1));
    }
    if (known != null) {
      return known;
    }
    if (NAME.matcher(name).matches()) {
      throw new Mistake(
          "striptags does not know the character &" + name + " write it as itself or as &#NUMBER;");
    }
    for (int end = name.length() - 1; end > 1; end--) { // `&notit` is ¬it
      String begin = WITHOUT.get(name.substring(0, end));
      if (begin != null) {
        return begin + name.substring(end);
      }
    }
    return "&" + name;
  }

  private static String numbered(String name) {
    String digits = name.substring(1).replace(";", "");
    boolean hex = digits.charAt(0) == 'x' || digits.charAt(0) == 'X';
    String plain = (hex ? digits.substring(1) : digits).replaceFirst("^0+(?=.)", "");
    int code = plain.length() > 8 ? Integer.MAX_VALUE : (int) Long.parseLong(plain, hex ? 16 : 10);
    if (code == 0 || code >= 0xd800 && code <= 0xdfff || code < 0 || code > 0x10ffff) {
      return "\ufffd";
    }
    if (code >= 0x80 && code <= 0x9f) { // windows-1252, as HTML 5 says
      String meant = new String(new byte[] {(byte) code}, WINDOWS);
      return meant.equals("\ufffd") ? Character.toString(code) : meant;
    }
    boolean control = code < 0x20 && "\t\n\f\r".indexOf(code) < 0 || code == 0x7f;
    boolean none = code >= 0xfdd0 && code <= 0xfdef || (code & 0xfffe) == 0xfffe;
    return control || none ? "" : Character.toString(code);
  }

  /// Writes a dict as attributes of an element, without values that are none or undefined.
  static Value attributes(Value value, Arguments given) {
    Arguments arguments = given.bind("xmlattr", "autospace");
    if (!(value instanceof Dict dict)) {
      throw new Mistake("'xmlattr' needs a dict, not a " + value.type());
    }
    TextBuilder out = new TextBuilder();
    String before = arguments.is("autospace", true) ? " " : "";
    for (Map.Entry<Value, Value> one : dict.entries().entrySet()) {
      if (one.getValue() == None.NONE || one.getValue() instanceof Undefined) {
        continue;
      }
      if (!(one.getKey() instanceof Text key) || NO_KEY.matcher(key.chars()).find()) {
        throw new Mistake(
            "xmlattr has the key '" + Python.str(one.getKey()) + "', which is no attribute's name");
      }
      out.add(before, Origin.TEMPLATE).add((Text) Filters.escape(key));
      out.add("=\"", Origin.TEMPLATE).add((Text) Filters.escape(Python.str(one.getValue())));
      out.add("\"", Origin.TEMPLATE);
      before = " ";
    }
    return given.budget().made(out.text());
  }
}
