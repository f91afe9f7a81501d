# cmake -DINPUT=FILE.html -DOUTPUT=FILE.cpp -P EmbedPage.cmake
# Writes the page into a C++ source, in pieces: compilers limit the length of a string.
file(READ ${INPUT} text)
set(literal "")
string(LENGTH "${text}" length)
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND literal "R\"html(${piece})html\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT} "namespace lathe::report {
extern const char PageTemplate[];
const char PageTemplate[] =
${literal};
} // namespace lathe::report
")
