// Every header with loops.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_LOOPS_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_LOOPS_H

#include "dialects/lathe/reference/loops/Indexing.h"
#include "dialects/lathe/reference/loops/Integer.h"
#include "dialects/lathe/reference/loops/Movement.h"
#include "dialects/lathe/reference/loops/Picture.h"
#include "dialects/lathe/reference/loops/Recurrent.h"
#include "dialects/lathe/reference/loops/Rotation.h"
#include "dialects/lathe/reference/loops/Signal.h"
#include "dialects/lathe/reference/loops/Sorting.h"
#include "dialects/lathe/reference/loops/Windows.h"

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_LOOPS_H
