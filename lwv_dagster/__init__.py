"""What Dagster loads (definitions, jobs, sensors) and the project's own command, `lwv`."""

import warnings

from dagster import BetaWarning, PreviewWarning

from resources.logs import clean_logs

warnings.filterwarnings("ignore", category=PreviewWarning)  # partitioned asset checks are in preview
warnings.filterwarnings("ignore", category=BetaWarning)
clean_logs()
